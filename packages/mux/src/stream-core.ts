import { ResetCode, resetError, SealaneError } from '@sealane/types';
import type { BudgetAccount } from './budget-account.js';
import type { BudgetMember } from './memory-budget.js';
import type { MuxStream } from './mux-stream.js';
import type { Placed } from './place-list.js';
import { ReceiveWindow } from './receive-window.js';
import { type QueuedChunk, SendQueue } from './send-queue.js';
import type { StreamGroup } from './stream-group.js';
import type { StreamHandler } from './stream-handler.js';
import type { TurnTaker } from './turn-list.js';

/** What a stream asks of its mux. */
export interface StreamHost {
  /** The stream has something that could be sent now, or has it no longer. */
  onReadyChange(stream: StreamCore): void;
  onCreditDue(stream: StreamCore): void;
  /** Ended by this side; `code` is for the peer. */
  onLocalReset(stream: StreamCore, code: number): void;
}

/** Credit of a new stream, in both directions. */
export interface StreamWindows {
  readonly receiveWindowBytes: number;
  readonly sendWindowBytes: number;
}

/** A stream as the mux sees it: the public face and the state behind it. */
export class StreamCore implements MuxStream, BudgetMember, TurnTaker {
  id = 0;
  handler: StreamHandler | undefined;
  readonly isInbound: boolean;
  readonly queue: SendQueue;
  readonly window: ReceiveWindow;
  /** OPEN body that was not handed to a batch yet. */
  pendingOpen: Uint8Array | undefined;
  /** The OPEN waits for data. */
  isOpenHeld = false;
  finQueued = false;
  finSent = false;
  finReceived = false;
  isClosed = false;
  /** An inbound stream: we have sent something. An outbound one: the peer has. */
  isAnswered = false;
  /** Reset by us, but the RESET waits so that the peer does not take it for a flood. */
  deferredReset = -1;
  isReady = false;
  isCreditListed = false;
  group: object | undefined;
  /** The group whose turns it shares while it has a place there: the scheduler's. */
  turnGroup: StreamGroup<StreamCore> | undefined;
  isFresh = false;
  isInRound = false;
  isInTurn = false;
  deficitBytes = 0;
  isInBatch = false;
  sentInBatch = 0;
  before: Placed | undefined;
  after: Placed | undefined;
  sinceMs = 0;
  readonly #host: StreamHost;

  constructor(
    host: StreamHost,
    isInbound: boolean,
    handler: StreamHandler | undefined,
    windows: StreamWindows,
    account: BudgetAccount,
  ) {
    this.#host = host;
    this.isInbound = isInbound;
    this.handler = handler;
    this.queue = new SendQueue(windows.sendWindowBytes);
    this.window = new ReceiveWindow(windows.receiveWindowBytes, account, this);
  }

  get queuedBytes(): number {
    return this.queue.queuedBytes;
  }

  get sendCredit(): number {
    return this.queue.credit;
  }

  get heldBytes(): number {
    return this.window.held;
  }

  write(chunk: QueuedChunk): void {
    if (this.isClosed || chunk.length === 0) return;
    if (this.finQueued) throw new SealaneError('ERR_ARGUMENT', 'the stream was ended');
    this.queue.push(chunk);
    this.isOpenHeld = false;
    this.refresh();
  }

  end(): void {
    if (this.isClosed || this.finQueued) return;
    this.finQueued = true;
    this.isOpenHeld = false;
    this.refresh();
  }

  sendOpen(): void {
    this.isOpenHeld = false;
    this.refresh();
  }

  reset(code: number): void {
    if (this.isClosed) {
      this.window.drop();
      return;
    }
    this.close();
    this.handler = undefined;
    this.#host.onLocalReset(this, code);
  }

  consume(bytes: number): void {
    if (bytes > this.window.held) {
      if (this.isClosed && this.window.held === 0) return;
      throw new SealaneError('ERR_ARGUMENT', 'more was consumed than delivered');
    }
    const isDue = this.window.consume(bytes);
    if (isDue && !this.isClosed && !this.finReceived) this.#host.onCreditDue(this);
  }

  addCredit(delta: number, maxCredit: number): void {
    if (this.queue.credit + delta > maxCredit) throw new SealaneError('ERR_MUX_CREDIT', 'the credit exceeds its bound');
    if (this.isClosed) return;
    this.queue.credit += delta;
    this.refresh();
    this.handler?.onCredit?.();
  }

  /** One DATA frame of the peer, already charged to credit. */
  deliver(chunk: Uint8Array, fin: boolean): void {
    if (fin) this.finReceived = true;
    if (chunk.length > 0) this.window.hold(chunk.length);
    this.handler?.onData(chunk, fin);
    this.window.list();
  }

  /** The end of both directions, for the reason given. What is held is no longer charged. */
  fail(error: SealaneError, code: number): void {
    this.close();
    this.#report(error, code);
  }

  /** Ends both directions without a word to anyone. */
  close(): void {
    this.isClosed = true;
    this.queue.drop();
    this.window.drop();
    this.window.releaseGrowth();
    this.refresh();
  }

  /** Both sides sent their FIN; what was delivered can still be consumed. */
  finish(): void {
    this.isClosed = true;
    this.window.releaseGrowth();
    this.refresh();
  }

  sacrifice(): void {
    const wasClosed = this.isClosed;
    this.close();
    if (!wasClosed) this.#host.onLocalReset(this, ResetCode.BUSY);
    this.#report(resetError(ResetCode.BUSY), ResetCode.BUSY);
  }

  /** Whether a frame could be sent now, and tells the host when that changed. */
  refresh(): void {
    const isReady = this.#canSend();
    if (isReady === this.isReady) return;
    this.isReady = isReady;
    this.#host.onReadyChange(this);
  }

  #canSend(): boolean {
    if (this.isClosed) return false;
    if (this.pendingOpen !== undefined) return !this.isOpenHeld;
    if (this.queue.queuedBytes > 0) return this.queue.credit > 0;
    return this.finQueued && !this.finSent;
  }

  #report(error: SealaneError, code: number): void {
    const handler = this.handler;
    this.handler = undefined;
    handler?.onReset(error, code);
  }
}
