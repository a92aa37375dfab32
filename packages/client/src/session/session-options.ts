import type { SessionKeys, SessionParameters } from '@sealane/crypto/e2ee';
import type { MemoryBudget, MuxStream } from '@sealane/mux';
import type { Clock, SealaneError } from '@sealane/types';
import type { KeptAccount } from './kept-budget.js';

/** For a session that both sides made to outlive its paths. */
export interface SessionResumption {
  readonly account: KeptAccount;
  /** Time without progress after which the session is given up, in milliseconds. */
  readonly giveUpMs: number;
}

export interface SessionHandler {
  /** The dialer's CONFIRM was opened: only now is the peer known to be there. Owner only. */
  onConfirmed(): void;
  onOpen(stream: MuxStream, open: Uint8Array): void;
  /** Room for new streams may have come or gone. */
  onChange(): void;
  /** No path carries the session now; its streams wait. Only with resumption. */
  onSuspended(cause: SealaneError): void;
  /** Another path carries it, `gapMs` after the last one broke. */
  onResumed(gapMs: number): void;
  /** Called once. Undefined after an orderly close of both sides. */
  onEnd(error: SealaneError | undefined): void;
}

export interface SessionOptions {
  readonly keys: SessionKeys;
  readonly own: SessionParameters;
  readonly peer: SessionParameters;
  readonly clock: Clock;
  readonly budget: MemoryBudget;
  readonly handler: SessionHandler;
  /** Without it the session ends with its path. */
  readonly resumption?: SessionResumption | undefined;
}
