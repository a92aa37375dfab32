import { TokenBucket } from '../token-bucket.js';
import { RateBucket } from './rate-bucket.js';
import type { UsageLimits } from './usage-limits.js';

const DAY_MS = 86_400_000;
/** A burst may be as large as one outer frame, and a quarter of a second long. */
const MIN_BURST_BYTES = 66_560;
const BURST_SECONDS = 0.25;

/** What one address, one identity or one lease uses of the relay, and its rates. Time is an argument. */
export class Usage {
  readonly key: string;
  /** Sockets of an address, links of an identity. */
  open = 0;
  leases = 0;
  sessions = 0;
  /** Made when they are used, as long as they are not full: most of what is known is idle. */
  #fresh: TokenBucket | undefined;
  #requests: TokenBucket | undefined;
  #connects: TokenBucket | undefined;
  /** Bytes that it sends, and bytes that it is sent; undefined while they are not limited. */
  bytesFrom: RateBucket | undefined;
  bytesTo: RateBucket | undefined;
  #limits: UsageLimits;
  #day = 0;
  #dayBytes = 0;

  constructor(key: string, limits: UsageLimits, nowMs: number) {
    this.key = key;
    this.#limits = limits;
    this.setLimits(limits, nowMs);
  }

  get limits(): UsageLimits {
    return this.#limits;
  }

  /** New sockets of an address, new links of an identity; undefined where nothing limits them, as with the other rates. */
  get fresh(): TokenBucket | undefined {
    this.#fresh ??= full(this.#limits.fresh, this.#limits.fresh);
    return this.#fresh;
  }

  get requests(): TokenBucket | undefined {
    this.#requests ??= full(this.#limits.requests, requestBurst(this.#limits));
    return this.#requests;
  }

  get connects(): TokenBucket | undefined {
    this.#connects ??= full(this.#limits.connects, this.#limits.connects);
    return this.#connects;
  }

  /** Other limits from now on: buckets keep what was taken from them. */
  setLimits(limits: UsageLimits, nowMs: number): void {
    this.#limits = limits;
    this.#fresh = rated(this.#fresh, limits.fresh, limits.fresh, nowMs);
    this.#requests = rated(this.#requests, limits.requests, requestBurst(limits), nowMs);
    this.#connects = rated(this.#connects, limits.connects, limits.connects, nowMs);
    this.bytesFrom = paced(this.bytesFrom, limits.bytesFrom, nowMs);
    this.bytesTo = paced(this.bytesTo, limits.bytesTo, nowMs);
  }

  /** Something looks at every byte of it. */
  get limitsBytes(): boolean {
    return this.bytesFrom !== undefined || this.bytesTo !== undefined || this.limitsDay;
  }

  get limitsDay(): boolean {
    return this.#limits.bytesPerDay !== Number.POSITIVE_INFINITY;
  }

  /** Bytes since midnight UTC, as far as they were counted: only while a limit for the day is set. */
  dayBytes(wallMs: number): number {
    return Math.floor(wallMs / DAY_MS) === this.#day ? this.#dayBytes : 0;
  }

  /** Counts relayed bytes; false once there are more than the day may have. */
  addDayBytes(bytes: number, wallMs: number): boolean {
    const day = Math.floor(wallMs / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#dayBytes = 0;
    }
    this.#dayBytes += bytes;
    return this.#dayBytes <= this.#limits.bytesPerDay;
  }

  isDayOver(wallMs: number): boolean {
    return this.limitsDay && this.dayBytes(wallMs) >= this.#limits.bytesPerDay;
  }

  get isInUse(): boolean {
    return this.open > 0 || this.leases > 0 || this.sessions > 0;
  }

  /** What is full again says nothing. */
  rest(nowMs: number): void {
    if (this.#fresh?.isFull(nowMs) === true) this.#fresh = undefined;
    if (this.#requests?.isFull(nowMs) === true) this.#requests = undefined;
    if (this.#connects?.isFull(nowMs) === true) this.#connects = undefined;
  }

  /** Nothing would be forgotten with it. */
  isBlank(nowMs: number, wallMs: number): boolean {
    if (this.isInUse || this.dayBytes(wallMs) > 0) return false;
    return this.#buckets().every((bucket) => bucket?.isFull(nowMs) !== false);
  }

  /** Something is refused or held back now. */
  isLimited(nowMs: number, wallMs: number): boolean {
    const isEmpty = (bucket: TokenBucket | undefined): boolean => (bucket?.waitForMs(1, nowMs) ?? 0) > 0;
    return this.isDayOver(wallMs) || this.#buckets().some(isEmpty);
  }

  #buckets(): readonly (TokenBucket | undefined)[] {
    return [this.#fresh, this.#requests, this.#connects, this.bytesFrom, this.bytesTo];
  }
}

/** Milliseconds until a day's total begins again. */
export function msToMidnight(wallMs: number): number {
  return DAY_MS - (wallMs % DAY_MS);
}

function requestBurst({ requests }: UsageLimits): number {
  return Math.max(requests, 10);
}

function full(rate: number, capacity: number): TokenBucket | undefined {
  return rate === Number.POSITIVE_INFINITY ? undefined : new TokenBucket(rate, Math.max(1, capacity), 0);
}

function rated(
  bucket: TokenBucket | undefined,
  rate: number,
  capacity: number,
  nowMs: number,
): TokenBucket | undefined {
  if (rate === Number.POSITIVE_INFINITY) return undefined;
  bucket?.change(rate, Math.max(1, capacity), nowMs);
  return bucket;
}

function paced(bucket: RateBucket | undefined, rate: number, nowMs: number): RateBucket | undefined {
  if (rate === Number.POSITIVE_INFINITY) return undefined;
  const burst = Math.max(MIN_BURST_BYTES, rate * BURST_SECONDS);
  if (bucket === undefined) return new RateBucket(rate, burst, nowMs);
  bucket.change(rate, burst, nowMs);
  return bucket;
}
