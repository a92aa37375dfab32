import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { RelayEvent } from '@sealane/server';
import { type Clock, systemClock, type Timer } from '@sealane/types';
import { ApiError } from './api-error.js';

/** What happened last, for who comes back after a break. */
const MAX_KEPT = 1_000;
const MAX_SUBSCRIBERS = 32;
/** Unread bytes of one subscriber; above it the subscriber goes. */
const MAX_UNREAD_BYTES = 1_048_576;
const MAX_EVENT_LENGTH = 4_096;
const HEARTBEAT_MS = 15_000;
/** Refusals are summed up: a flood of them is some events a second. */
const SUMMARY_MS = 1_000;
/** Who is dropped has that long to read why. */
const FAREWELL_MS = 5_000;
const RETRY_MS = 2_000;

interface KeptEvent {
  readonly number: number;
  readonly type: string;
  readonly atMs: number;
  readonly facts: Readonly<Record<string, unknown>>;
}

interface Subscriber {
  readonly response: ServerResponse;
  /** Undefined: all. */
  readonly types: ReadonlySet<string> | undefined;
  /** The token under which it listens. */
  readonly tokenId: string;
}

export interface Subscription {
  /** The id of the last event that was seen, as the client says. */
  readonly lastEventId?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly tokenId: string;
}

/** What the relay does, as Server-Sent Events: numbered, and bounded for every listener. */
export class EventFeed {
  /** Numbers of an earlier process mean nothing in this one. */
  readonly #run: string = randomBytes(4).toString('hex');
  readonly #clock: Clock;
  readonly #kept: KeptEvent[] = [];
  readonly #subscribers = new Set<Subscriber>();
  readonly #refusals = new Map<string, { readonly code: string; readonly where: string; count: number }>();
  /** Whether a token holds. */
  #holds: (tokenId: string) => boolean = () => true;
  #number = 0;
  #summary: Timer | undefined;
  #heartbeat: Timer | undefined;
  #isOver = false;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  /** Asked about every subscriber now and then. */
  watchTokens(holds: (tokenId: string) => boolean): void {
    this.#holds = holds;
  }

  relay(event: RelayEvent): void {
    const { type, ...facts } = event;
    if (event.type === 'refused') this.#countRefusal(event.code, event.where);
    else this.tell(type, facts);
  }

  /** Ids and numbers only. */
  tell(type: string, facts: Readonly<Record<string, unknown>>): void {
    if (this.#isOver) return;
    this.#number++;
    const event: KeptEvent = { number: this.#number, type, atMs: this.#clock.wallMs(), facts };
    this.#kept.push(event);
    if (this.#kept.length >= MAX_KEPT * 2) this.#kept.splice(0, MAX_KEPT);
    if (this.#subscribers.size === 0) return;
    const text = this.#textOf(event);
    for (const subscriber of this.#subscribers) this.#send(subscriber, type, text);
  }

  /** @throws ApiError BUSY */
  assertRoom(): void {
    if (this.#isOver || this.#subscribers.size >= MAX_SUBSCRIBERS) {
      throw new ApiError('BUSY', `at most ${MAX_SUBSCRIBERS} listen at once`, { headers: { 'Retry-After': '5' } });
    }
  }

  /** Writes to the response until one side ends it. */
  subscribe(response: ServerResponse, { lastEventId, types, tokenId }: Subscription): void {
    const subscriber: Subscriber = { response, types: types === undefined ? undefined : new Set(types), tokenId };
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    response.write(`retry: ${RETRY_MS}\n\n`);
    response.once('close', () => this.#remove(subscriber));
    if (lastEventId !== undefined) this.#replay(subscriber, lastEventId);
    this.#subscribers.add(subscriber);
    this.#heartbeat ??= this.#clock.schedule(HEARTBEAT_MS, () => this.#beat());
  }

  /** A token does not hold any more. */
  endToken(tokenId: string): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.tokenId === tokenId) this.#end(subscriber, 'the token does not hold any more');
    }
  }

  close(): void {
    this.#isOver = true;
    this.#summary?.cancel();
    for (const subscriber of this.#subscribers) this.#end(subscriber, 'the relay stops');
  }

  /** What came after that event; where that is not known any more, or never was, it says so first. */
  #replay(subscriber: Subscriber, lastEventId: string): void {
    const [, run, digits] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(lastEventId) ?? [];
    const last = Number(digits);
    const kept = this.#kept.slice(-MAX_KEPT);
    const first = kept[0]?.number ?? this.#number + 1;
    let missed: string | undefined;
    if (run === undefined || (run === this.#run && last > this.#number)) missed = 'this id was never given';
    else if (run !== this.#run) missed = 'the relay was started again';
    else if (last + 1 < first) missed = 'more events came than are kept';
    if (missed !== undefined) subscriber.response.write(frame('gap', { reason: missed }));
    const isAfter = run === this.#run && last <= this.#number ? last : 0;
    for (const event of kept) {
      const { number, type } = event;
      if (number > isAfter && subscriber.types?.has(type) !== false) subscriber.response.write(this.#textOf(event));
    }
  }

  #send(subscriber: Subscriber, type: string, text: string): void {
    const { response, types } = subscriber;
    if (types?.has(type) === false) return;
    if (response.writableLength > MAX_UNREAD_BYTES) this.#end(subscriber, 'too much was not read');
    else response.write(text);
  }

  #end(subscriber: Subscriber, reason: string): void {
    const { response } = subscriber;
    this.#remove(subscriber);
    response.end(frame('dropped', { reason }));
    const farewell = this.#clock.schedule(FAREWELL_MS, () => response.destroy());
    response.once('close', () => farewell.cancel());
  }

  #remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    if (this.#subscribers.size > 0) return;
    this.#heartbeat?.cancel();
    this.#heartbeat = undefined;
  }

  /** Shows proxies and readers that the line is alive. */
  #beat(): void {
    this.#heartbeat = this.#clock.schedule(HEARTBEAT_MS, () => this.#beat());
    for (const subscriber of this.#subscribers) {
      if (!this.#holds(subscriber.tokenId)) this.#end(subscriber, 'the token does not hold any more');
      else if (subscriber.response.writableLength <= MAX_UNREAD_BYTES) subscriber.response.write(': alive\n\n');
    }
  }

  #countRefusal(code: string, where: string): void {
    const key = `${code} ${where}`;
    const counted = this.#refusals.get(key);
    if (counted === undefined) this.#refusals.set(key, { code, where, count: 1 });
    else counted.count++;
    this.#summary ??= this.#clock.schedule(SUMMARY_MS, () => {
      this.#summary = undefined;
      const refusals = [...this.#refusals.values()];
      this.#refusals.clear();
      for (const refusal of refusals) this.tell('refused', refusal);
    });
  }

  #textOf({ number, type, atMs, facts }: KeptEvent): string {
    const data = JSON.stringify({ event: type, atMs, ...facts });
    const text = data.length > MAX_EVENT_LENGTH ? JSON.stringify({ event: type, atMs, isCut: true }) : data;
    return `id: ${this.#run}-${number}\nevent: ${type}\ndata: ${text}\n\n`;
  }
}

/** About the stream itself: without an id, so that the last one stays what it was. */
function frame(event: string, facts: Readonly<Record<string, unknown>>): string {
  return `event: ${event}\ndata: ${JSON.stringify({ event, ...facts })}\n\n`;
}
