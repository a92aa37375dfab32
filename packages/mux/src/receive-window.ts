import { MuxLimit, SealaneError } from '@sealane/types';
import type { BudgetAccount } from './budget-account.js';
import { Fifo } from './fifo.js';
import type { BudgetMember } from './memory-budget.js';

/** On shorter paths credit would cost more than the bytes that a larger window holds. */
const leastTripMs = 2;

/** How the budget lists a stream: not at all, as holding bytes, as full, or as holding more overhead than a window. */
type Listing = 0 | 1 | 2 | 3;

/** The receiving half of one stream: what the peer may send, what is held, what can be returned. */
export class ReceiveWindow {
  /** Bytes the peer may still send. */
  credit: number;
  /** Bytes delivered and not consumed. */
  held = 0;
  /** Bytes consumed and not returned yet. */
  unreturned = 0;
  windowBytes: number;
  readonly #firstWindowBytes: number;
  readonly #account: BudgetAccount;
  readonly #member: BudgetMember;
  #frames: Fifo<number> | undefined;
  #listing: Listing = 0;
  #epochStartMs = -1;
  #epochBytes = 0;

  constructor(windowBytes: number, account: BudgetAccount, member: BudgetMember) {
    this.credit = windowBytes;
    this.windowBytes = windowBytes;
    this.#firstWindowBytes = windowBytes;
    this.#account = account;
    this.#member = member;
  }

  /** Charges one frame to credit. ERR_MUX_CREDIT when the peer sent more than it may. */
  charge(length: number): void {
    if (length > this.credit) throw new SealaneError('ERR_MUX_CREDIT');
    this.credit -= length;
  }

  /** Charges one frame that is about to be delivered to the budget. */
  hold(length: number): void {
    this.held += length;
    this.#frames ??= new Fifo();
    this.#frames.push(length);
    this.#account.take(length + MuxLimit.heldFrameOverheadBytes);
  }

  /** Returns whether enough was consumed to send credit. */
  consume(bytes: number): boolean {
    this.held -= bytes;
    this.unreturned += bytes;
    this.#epochBytes += bytes;
    this.#account.release(bytes + this.#shiftFrames(bytes) * MuxLimit.heldFrameOverheadBytes);
    if (this.#listing !== 0) {
      this.#account.budget.progress(this.#member);
      this.list();
    }
    return this.unreturned * 2 >= this.windowBytes;
  }

  /** Tells the budget where this stream stands. Called after a delivery, so that consuming at once costs nothing. */
  list(): void {
    const listing = this.#state();
    if (listing === this.#listing) return;
    this.#listing = listing;
    if (listing === 0) this.#account.budget.forget(this.#member);
    else this.#account.budget.hold(this.#member, listing === 2, listing === 3);
  }

  #state(): Listing {
    if (this.held === 0) return 0;
    const overheadBytes = (this.#frames?.length ?? 0) * MuxLimit.heldFrameOverheadBytes;
    if (overheadBytes > this.windowBytes) return 3;
    return (this.held + overheadBytes) * 2 > this.windowBytes ? 2 : 1;
  }

  /**
   * Lets the window grow to twice what was consumed in one smallest round trip, so that a queue is never mistaken for
   * a long path (docs/protocol/v1.md, "Flow control"). Asked when credit is due, which bounds its cost.
   */
  grow(nowMs: number, minRttMs: number | undefined, maxWindowBytes: number): void {
    const elapsedMs = nowMs - this.#epochStartMs;
    if (this.#epochStartMs >= 0) {
      if (minRttMs === undefined || minRttMs <= 0) return;
      const tripMs = Math.max(minRttMs, leastTripMs);
      if (elapsedMs < tripMs) return;
      const tookBytes = (this.#epochBytes * tripMs) / elapsedMs;
      const targetBytes = Math.min(Math.floor(tookBytes * 2), maxWindowBytes);
      const growthBytes = targetBytes - this.windowBytes;
      if (growthBytes > 0 && this.#account.budget.tryReserveGrowth(growthBytes)) {
        this.windowBytes = targetBytes;
        this.unreturned += growthBytes;
      }
    }
    this.#epochStartMs = nowMs;
    this.#epochBytes = 0;
  }

  /** Everything that can be returned now; the peer may send it from here on. */
  takeCredit(): number {
    const delta = this.unreturned;
    this.unreturned = 0;
    this.credit += delta;
    return delta;
  }

  /** The stream takes no more data: a window that has grown is given back. */
  releaseGrowth(): void {
    this.#account.budget.releaseGrowth(this.windowBytes - this.#firstWindowBytes);
    this.windowBytes = this.#firstWindowBytes;
  }

  /** Drops what is held. */
  drop(): void {
    const frames = this.#frames?.length ?? 0;
    this.#account.release(this.held + frames * MuxLimit.heldFrameOverheadBytes);
    this.held = 0;
    this.#frames = undefined;
    this.list();
  }

  /** Returns how many frames are gone entirely. */
  #shiftFrames(bytes: number): number {
    const frames = this.#frames;
    let gone = 0;
    let left = bytes;
    while (left > 0 && frames !== undefined) {
      const first = frames.first!;
      if (first > left) {
        frames.replaceFirst(first - left);
        break;
      }
      frames.shift();
      left -= first;
      gone += 1;
    }
    return gone;
  }
}
