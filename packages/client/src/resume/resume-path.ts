import { parseId } from '@sealane/crypto/credential';
import { type ControlMessage, encodeOpen } from '@sealane/protocol';
import { isSealaneError, MessageKind, OpenKind, ResetCode, ResumptionLimit, type Timer } from '@sealane/types';
import { whenAborted } from '../abort-signal.js';
import type { ClientContext } from '../client-context.js';
import type { RelayLink } from '../link/relay-link.js';
import { LinkStreamPath } from '../session/link-stream-path.js';
import type { ResumeHalf } from '../session/resume-half.js';
import type { SecureConnection } from '../session/secure-connection.js';

export interface ResumePathOptions {
  readonly context: ClientContext;
  readonly link: RelayLink;
  readonly half: ResumeHalf;
  readonly connection: SecureConnection;
  readonly limitMs: number;
  readonly resolve: (isGood: boolean) => void;
}

/** One RESUME on one link. */
export class ResumePath {
  readonly #options: ResumePathOptions;
  readonly #path: LinkStreamPath;
  #timer: Timer | undefined;
  #unhook = (): void => undefined;
  #isHeld = false;
  #isDone = false;

  constructor(options: ResumePathOptions) {
    this.#options = options;
    this.#path = new LinkStreamPath(options.link, {
      onMessage: (message) => this.#onMessage(message),
      onData: () => this.#fail(),
      onEnd: () => this.#fail(),
    });
  }

  start(signal: AbortSignal): void {
    const { half, link, connection, limitMs } = this.#options;
    try {
      const open = encodeOpen({
        kind: OpenKind.RESUME,
        owner: parseId(connection.peerId),
        service: connection.service,
        instance: connection.instance,
        resumeId: half.keys.resumeId,
        ...half.begin(),
      });
      this.#path.bind(link.openStream(open, this.#path));
    } catch (error) {
      // The link went, or has no room for a stream.
      if (!isSealaneError(error)) throw error;
      this.#finish(false);
      return;
    }
    this.#setTimer(limitMs);
    this.#unhook = whenAborted(signal, this.#fail);
  }

  readonly #fail = (): void => {
    if (this.#isDone) return;
    this.#path.reset(ResetCode.CANCELLED);
    this.#finish(false);
  };

  #setTimer(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.context.clock.schedule(delayMs, this.#fail);
  }

  #onMessage(message: ControlMessage): void {
    if (this.#isDone) return;
    if (message.kind === MessageKind.HELD && !this.#isHeld) {
      this.#isHeld = true;
      this.#setTimer(Math.max(this.#options.limitMs, ResumptionLimit.heldMs));
      return;
    }
    if (message.kind !== MessageKind.ACCEPT || message.resume === null) {
      this.#fail();
      return;
    }
    const { half } = this.#options;
    if (half.complete(message.resume, this.#path)) this.#finish(true);
    else this.#fail();
  }

  #finish(isGood: boolean): void {
    this.#isDone = true;
    this.#timer?.cancel();
    // A session outlives thousands of paths, and none of them may stay with it.
    this.#unhook();
    this.#options.resolve(isGood);
  }
}
