import { MuxLimit } from '@sealane/types';
import { type Placed, PlaceList } from './place-list.js';

/** What the budget can end to get memory back. */
export interface BudgetMember extends Placed {
  /** When something was taken from it last, while it holds bytes. The budget's. */
  sinceMs: number;
  /** Ends the stream with RESET(BUSY) and releases what it holds. */
  sacrifice(): void;
}

/**
 * The bytes that a process may hold for its peers (docs/protocol/v1.md, "Flow control"). One object for all muxes.
 * Pressure has three steps: from half of the limit on no window grows, from three quarters on new streams are BUSY,
 * above the limit the full stream whose reader took nothing for the longest time is reset, then the next, until it
 * fits; before them those whose frames are so small that their overhead alone exceeds their window. Readers that stand
 * still do not keep new streams out for long: see {@link endStalled}.
 */
export class MemoryBudget {
  /** May change while it is used; after it was lowered, {@link relieve} makes it true. */
  limitBytes: number;
  #used = 0;
  #reserved = 0;
  /** As {@link endStalled} was told last. */
  #nowMs = Number.NaN;
  /** Hold more in overhead than their window: many tiny frames, which cost the sender next to nothing. */
  readonly #wasteful = new Set<BudgetMember>();
  /** Both in the order of the last time at which something was taken from them. */
  readonly #full = new Set<BudgetMember>();
  readonly #holding: PlaceList<BudgetMember> = new PlaceList();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Bytes held now, each held frame at its length plus 128. */
  get used(): number {
    return this.#used;
  }

  /** Bytes by which windows have grown beyond their first size. */
  get reservedForGrowth(): number {
    return this.#reserved;
  }

  get isOver(): boolean {
    return this.#used > this.limitBytes;
  }

  /** True from three quarters of the limit on. */
  get refusesStreams(): boolean {
    return this.#used * 4 >= this.limitBytes * 3;
  }

  /** Takes `bytes` only where they fit. */
  tryTake(bytes: number): boolean {
    if (this.#used + bytes > this.limitBytes) return false;
    this.#used += bytes;
    return true;
  }

  /** For bytes that are already here. May exceed the limit; call {@link relieve} when it is safe to reset streams. */
  take(bytes: number): void {
    this.#used += bytes;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }

  /** Grants growth of a window as long as what is held and what is granted stay under half of the limit. */
  tryReserveGrowth(bytes: number): boolean {
    if ((this.#used + this.#reserved + bytes) * 2 > this.limitBytes) return false;
    this.#reserved += bytes;
    return true;
  }

  releaseGrowth(bytes: number): void {
    this.#reserved -= bytes;
  }

  /** A stream holds bytes; `isFull` when it holds more than half of its window. Keeps the time order per state. */
  hold(member: BudgetMember, isFull: boolean, isWasteful = false): void {
    this.#touch(member);
    this.#full.delete(member);
    if (isFull) this.#full.add(member);
    if (isWasteful) this.#wasteful.add(member);
    else this.#wasteful.delete(member);
  }

  /** The reader of a stream that holds bytes took some. */
  progress(member: BudgetMember): void {
    if (member.sinceMs === this.#nowMs) return;
    this.#touch(member);
    if (this.#full.delete(member)) this.#full.add(member);
  }

  /**
   * Called about once a second by whoever has a clock. While new streams are refused, ends those whose readers took
   * nothing for ten seconds, full ones first: what they hold would keep everybody else out for as long as they like.
   */
  endStalled(nowMs: number): void {
    const isFirst = Number.isNaN(this.#nowMs);
    this.#nowMs = nowMs;
    if (isFirst) {
      for (let member = this.#holding.after; member !== this.#holding; member = member.after!) {
        (member as BudgetMember).sinceMs = nowMs;
      }
    }
    const isStalled = (member: BudgetMember): boolean =>
      this.refusesStreams && nowMs - member.sinceMs >= MuxLimit.stalledMs;
    for (const member of this.#full) {
      if (!isStalled(member)) break;
      this.#sacrifice(member);
    }
    for (let { first: member } = this.#holding; member && isStalled(member); member = this.#holding.first) {
      this.#sacrifice(member);
    }
  }

  /** A stream holds nothing any more. */
  forget(member: BudgetMember): void {
    this.#holding.remove(member);
    this.#full.delete(member);
    this.#wasteful.delete(member);
  }

  /** Ends streams until the budget fits: those of tiny frames first, then the longest full. */
  relieve(): void {
    while (this.#used > this.limitBytes) {
      const victim = this.#wasteful.values().next().value ?? this.#full.values().next().value ?? this.#holding.first;
      if (victim === undefined) return;
      this.#sacrifice(victim);
    }
  }

  #sacrifice(member: BudgetMember): void {
    this.forget(member);
    member.sacrifice();
  }

  #touch(member: BudgetMember): void {
    member.sinceMs = this.#nowMs;
    this.#holding.put(member);
  }
}
