import { Fifo } from './fifo.js';

/** Four turns cover the largest body, so a stream waits for at most three rounds before a full frame. */
export const quantumBytes = 16_640;
/** Data of members that just became ready before the others get a turn: new ones cannot starve old ones. */
const freshShareBytes = 65_536;
/** With less than this left of its turn a member waits for the next round: the least that a frame costs. */
export const minCostBytes = 64;

/** Something that sends in turns. The fields belong to the list that it is in. */
export interface TurnTaker {
  /** It could send now. */
  readonly isReady: boolean;
  /** What it may still send of its turn. */
  deficitBytes: number;
  /** Among those that just became ready. */
  isFresh: boolean;
  /** It has a place in the round. */
  isInRound: boolean;
  /** The turn of its place has begun. */
  isInTurn: boolean;
}

/**
 * Deficit round robin in which a member that just became ready goes first, so that an interactive one does not wait for
 * bulk ones. Each has one quantum in a round, whatever its rhythm: a member that goes quiet keeps its place and what is
 * left of its turn until the round comes by, so neither going quiet nor coming back gains or costs it bytes. Every
 * operation takes constant time on average.
 */
export class TurnList<T extends TurnTaker> {
  /** Members that could send now. */
  readyCount = 0;
  readonly #fresh: Fifo<T> = new Fifo();
  readonly #round: Fifo<T> = new Fifo();
  readonly #onRest: ((member: T) => void) | undefined;
  /** The list of the member that `next` returned. */
  #current: Fifo<T> = this.#fresh;
  #freshBytes = 0;

  /** `onRest` is told of a member that has no place here any more. */
  constructor(onRest?: (member: T) => void) {
    this.#onRest = onRest;
  }

  /** Places in the lists, those of members that wait for nothing among them. */
  get places(): number {
    return this.#fresh.length + this.#round.length;
  }

  get hasReady(): boolean {
    return this.readyCount > 0;
  }

  /** The member's `isReady` changed. */
  change(member: T): void {
    if (!member.isReady) {
      this.readyCount -= 1;
      return;
    }
    this.readyCount += 1;
    if (member.isFresh || member.isInTurn) return;
    if (!member.isInRound) member.deficitBytes = quantumBytes;
    else if (member.deficitBytes < minCostBytes) return;
    member.isFresh = true;
    this.#fresh.push(member);
  }

  /** The member whose turn it is; call `sent` or `endTurn` for it before asking again. */
  next(): T | undefined {
    while (this.readyCount > 0) {
      const list = this.#nextList();
      const member = list.first!;
      if (!member.isReady) {
        this.#shift(list, member);
        this.#tellRest(member);
        continue;
      }
      this.#current = list;
      if (list === this.#round && !member.isInTurn) {
        member.isInTurn = true;
        member.deficitBytes += quantumBytes;
        this.#freshBytes = 0;
      }
      return member;
    }
    return undefined;
  }

  /** What the member whose turn it is may send of it. */
  allowanceBytes(member: T): number {
    return member.deficitBytes;
  }

  /** Charges bytes to the member whose turn it is. */
  sent(member: T, bytes: number): void {
    member.deficitBytes -= bytes;
    if (this.#current === this.#fresh) this.#freshBytes += bytes;
    if (!member.isReady) this.endTurn(member);
  }

  /** The member whose turn it is has sent what it may, or all it had. */
  endTurn(member: T): void {
    this.#shift(this.#current, member);
    if (this.readyCount === 0) {
      this.#tellRest(member);
      this.rest();
      return;
    }
    if (member.isInRound) return;
    if (!member.isReady) {
      if (this.#round.length === 0) {
        this.#tellRest(member);
        return;
      }
      // Saved up for one large frame, it is not to become a burst of others.
      member.deficitBytes = Math.min(member.deficitBytes, quantumBytes);
    }
    member.isInRound = true;
    this.#round.push(member);
  }

  /** Nobody waits for anything: there is nothing to be fair about, and no place keeps its member alive. */
  rest(): void {
    for (const list of [this.#fresh, this.#round]) {
      for (let member = list.first; member !== undefined; member = list.first) {
        this.#shift(list, member);
        this.#tellRest(member);
      }
    }
    this.#freshBytes = 0;
  }

  clear(): void {
    this.readyCount = 0;
    this.rest();
  }

  #shift(list: Fifo<T>, member: T): void {
    list.shift();
    if (list === this.#fresh) {
      member.isFresh = false;
      return;
    }
    member.isInRound = false;
    member.isInTurn = false;
  }

  #tellRest(member: T): void {
    if (!member.isFresh && !member.isInRound) this.#onRest?.(member);
  }

  #nextList(): Fifo<T> {
    if (this.#fresh.length === 0) return this.#round;
    return this.#round.length > 0 && this.#freshBytes >= freshShareBytes ? this.#round : this.#fresh;
  }
}
