import type { Clock } from '@sealane/types';
import type { BytePacer } from './byte-pacer.js';
import type { Paced, RateBucket } from './rate-bucket.js';
import type { Usage } from './usage.js';

export interface ByteGateOptions {
  readonly clock: Clock;
  readonly pacer: BytePacer;
  /** Bytes per second of everybody whose limit concerns this direction. */
  readonly buckets: readonly RateBucket[];
  /** Totals of the day. */
  readonly meters: readonly Usage[];
  readonly deliver: (chunk: Uint8Array, fin: boolean) => void;
  /** A day's total is used up; nothing more passes. */
  readonly onSpent: (usage: Usage) => void;
}

export interface HeldChunk {
  readonly chunk: Uint8Array;
  readonly fin: boolean;
}

/** Places of what has passed are given back when they are so many, and half of all. */
const COMPACT_FROM = 64;

/**
 * Paces one direction of a session. What may not pass yet is held and not consumed, so that the sender stops when the
 * window of its stream is full: it is slowed down, and nothing is dropped. Only sessions with such a limit have one.
 */
export class ByteGate implements Paced {
  readonly #options: ByteGateOptions;
  #held: HeldChunk[] = [];
  #next = 0;
  #waitsFor: RateBucket | undefined;
  #isOver = false;

  constructor(options: ByteGateOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array, fin: boolean): void {
    if (this.#isOver) return;
    const nowMs = this.#options.clock.nowMs();
    if (this.#waitsFor === undefined && this.#mayPass(nowMs)) this.#pass({ chunk, fin }, nowMs);
    else this.#held.push({ chunk, fin });
  }

  resume(nowMs: number): void {
    const bucket = this.#waitsFor;
    this.#waitsFor = undefined;
    if (this.#isOver || !this.#mayPass(nowMs)) return;
    const held = this.#shift();
    if (held !== undefined) this.#pass(held, nowMs);
    // One piece a turn: who waits beside it comes next.
    if (this.#held.length > 0 && bucket !== undefined && !this.#isOver) this.#waitFor(bucket);
  }

  /** Ends the gate; what it holds is the caller's. */
  take(): readonly HeldChunk[] {
    const rest = this.#held.slice(this.#next);
    this.#isOver = true;
    this.#forget();
    if (this.#waitsFor !== undefined) this.#options.pacer.stopWaiting(this.#waitsFor, this);
    this.#waitsFor = undefined;
    return rest;
  }

  /** Else it waits for the first bucket that has nothing left. */
  #mayPass(nowMs: number): boolean {
    for (const bucket of this.#options.buckets) {
      if (bucket.waitMs(nowMs) === 0) continue;
      this.#waitFor(bucket);
      return false;
    }
    return true;
  }

  #waitFor(bucket: RateBucket): void {
    this.#waitsFor = bucket;
    this.#options.pacer.wait(bucket, this);
  }

  #pass({ chunk, fin }: HeldChunk, nowMs: number): void {
    const { clock, buckets, meters, deliver, onSpent } = this.#options;
    for (const bucket of buckets) bucket.charge(chunk.length, nowMs);
    for (const meter of meters) {
      if (meter.addDayBytes(chunk.length, clock.wallMs())) continue;
      onSpent(meter);
      return;
    }
    deliver(chunk, fin);
  }

  #shift(): HeldChunk | undefined {
    const held = this.#held[this.#next];
    this.#next++;
    if (this.#next >= this.#held.length) this.#forget();
    else if (this.#next >= COMPACT_FROM && this.#next * 2 >= this.#held.length) {
      this.#held = this.#held.slice(this.#next);
      this.#next = 0;
    }
    return held;
  }

  #forget(): void {
    this.#held = [];
    this.#next = 0;
  }
}
