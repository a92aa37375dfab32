import type { Clock } from '@sealane/types';
import type { RelayLimits } from '../limits.js';
import { Usage } from './usage.js';
import { type UsageKind, type UsageLimits, usageLimits } from './usage-limits.js';

/** Entries that are looked at when room is needed, and at each sweep: the work does not grow with the table. */
const LOOKED_AT_FOR_ROOM = 64;
const LOOKED_AT_IN_SWEEP = 2_048;

/**
 * Usages by key, at most `maxTracked` of them. Where there is no room somebody goes who uses nothing now and is not
 * limited now; where all are, newcomers share one entry. So nobody gets rid of a limit by sending many others.
 */
export class UsageTable {
  readonly #kind: UsageKind;
  readonly #limits: RelayLimits;
  readonly #clock: Clock;
  readonly #usages = new Map<string, Usage>();
  /** Goes round: where it stands are those that were not looked at for longest. */
  #turn = this.#usages.values();
  #others: Usage | undefined;
  /** The same for all, until they change. */
  #current: UsageLimits | undefined;

  constructor(kind: UsageKind, limits: RelayLimits, clock: Clock) {
    this.#kind = kind;
    this.#limits = limits;
    this.#clock = clock;
  }

  get size(): number {
    return this.#usages.size;
  }

  find(key: string): Usage | undefined {
    return this.#usages.get(key);
  }

  of(key: string): Usage {
    const found = this.#usages.get(key);
    if (found !== undefined) return found;
    if (this.#usages.size >= this.#limits.maxTracked) this.#makeRoom();
    if (this.#usages.size >= this.#limits.maxTracked) {
      this.#others ??= this.#create('others');
      return this.#others;
    }
    const usage = this.#create(key);
    this.#usages.set(key, usage);
    return usage;
  }

  /** The limits have changed. */
  applyLimits(): void {
    const limits = usageLimits(this.#kind, this.#limits);
    this.#current = limits;
    const nowMs = this.#clock.nowMs();
    for (const usage of this.#usages.values()) usage.setLimits(limits, nowMs);
    this.#others?.setLimits(limits, nowMs);
  }

  /** About once a second: forgets some of what says nothing. */
  sweep(): void {
    const nowMs = this.#clock.nowMs();
    const wallMs = this.#clock.wallMs();
    this.#look(LOOKED_AT_IN_SWEEP, (usage) => {
      usage.rest(nowMs);
      if (usage.isBlank(nowMs, wallMs)) this.#usages.delete(usage.key);
    });
  }

  #create(key: string): Usage {
    this.#current ??= usageLimits(this.#kind, this.#limits);
    return new Usage(key, this.#current, this.#clock.nowMs());
  }

  #makeRoom(): void {
    const nowMs = this.#clock.nowMs();
    const wallMs = this.#clock.wallMs();
    let least: Usage | undefined;
    this.#look(LOOKED_AT_FOR_ROOM, (usage) => {
      if (usage.isInUse || usage.isLimited(nowMs, wallMs)) return;
      if (least === undefined || usage.dayBytes(wallMs) < least.dayBytes(wallMs)) least = usage;
    });
    if (least !== undefined) this.#usages.delete(least.key);
  }

  /** Looks at those that were not looked at for longest. */
  #look(count: number, visit: (usage: Usage) => void): void {
    for (let left = Math.min(count, this.#usages.size); left > 0; left--) {
      let next = this.#turn.next();
      if (next.done === true) {
        this.#turn = this.#usages.values();
        next = this.#turn.next();
      }
      if (next.done === true) return;
      visit(next.value);
    }
  }
}
