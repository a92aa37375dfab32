import type { MuxStream, StreamHandler } from '@sealane/mux';
import { RelayCode, ResetCode, type SealaneError } from '@sealane/types';
import type { RequestTrace } from './event.js';
import type { LeaseUse } from './lease-load.js';
import type { ServedLease } from './lease-manager.js';
import type { RelayLink } from './link.js';
import type { LimitedPart } from './live-limits.js';
import type { ByteCounter } from './metrics/relay-meter.js';
import type { ByteGate } from './policy/byte-gate.js';
import type { SessionUse } from './policy/session-use.js';
import type { Usage } from './policy/usage.js';
import type { UsagePolicy } from './policy/usage-policy.js';
import type { RelayConfig } from './relay-config.js';

/** What the two streams of a connection cost, waiting or joined, beside the bytes that they hold. */
export const CONNECTION_BYTES = 4_096;

export interface SessionEnds {
  readonly number: number;
  readonly lease: ServedLease;
  readonly use: SessionUse;
  readonly dialer: MuxStream;
  readonly owner: MuxStream;
  readonly dialerLink: RelayLink;
  readonly trace: RequestTrace;
}

/** Joins the two streams of an accepted connection and carries what comes, unread (v1.md, "Forwarding"). */
export class ForwardingHandler implements LimitedPart {
  readonly #config: RelayConfig;
  readonly #policy: UsagePolicy;
  readonly #sessions = new Set<RelayedSession>();
  #idleWaiters: (() => void)[] = [];

  constructor(config: RelayConfig, policy: UsagePolicy) {
    this.#config = config;
    this.#policy = policy;
  }

  get relayedBytes(): number {
    const { toOwners, toDialers } = this.#config.meter;
    return toOwners.bytes + toDialers.bytes;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Those that go on, the oldest first. */
  sessions(): Iterable<RelayedSession> {
    return this.#sessions;
  }

  /** Takes both streams over, and the charge of {@link CONNECTION_BYTES}; the caller hands over what arrived before. */
  join(ends: SessionEnds): void {
    const session = new RelayedSession(this, ends, this.#config.meter);
    this.#sessions.add(session);
    this.#pace(session);
    ends.lease.load.add(session);
    const { number, lease, dialerLink, trace } = ends;
    this.#config.reporter.event({
      type: 'session-open',
      session: number,
      owner: lease.record.id,
      service: lease.record.service,
      ownerLink: lease.link.id,
      dialerLink: dialerLink.id,
      ...trace,
    });
  }

  /** Resolves when no session is left. */
  whenIdle(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** The limits have changed: paces what goes on by the new ones, and ends the newest sessions that are too many. */
  applyLimits(): void {
    const counts = new Map<Usage, number>();
    const wallMs = this.#config.clock.wallMs();
    for (const session of [...this.#sessions]) {
      const usages = [...session.ends.use.usages];
      const isTooMuch = (usage: Usage): boolean =>
        (counts.get(usage) ?? 0) >= usage.limits.sessions || usage.isDayOver(wallMs);
      if (usages.some(isTooMuch)) {
        this.#endByLimit(session);
        continue;
      }
      for (const usage of usages) counts.set(usage, (counts.get(usage) ?? 0) + 1);
      this.#pace(session);
    }
  }

  ended(session: RelayedSession): void {
    if (!this.#sessions.delete(session)) return;
    const { lease, use, number, trace } = session.ends;
    session.toOwner.close();
    session.toDialer.close();
    this.#config.budget.release(CONNECTION_BYTES);
    lease.load.remove(session);
    use.release();
    this.#config.reporter.event({
      type: 'session-close',
      session: number,
      bytesToOwner: session.toOwner.bytes,
      bytesToDialer: session.toDialer.bytes,
      ...trace,
    });
    if (this.#sessions.size > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #pace(session: RelayedSession): void {
    const { ends, toOwner, toDialer } = session;
    const onSpent = (): void => this.#endByLimit(session);
    for (const [leg, direction] of [
      [toOwner, 'to-owner'],
      [toDialer, 'to-dialer'],
    ] as const) {
      const deliver = (chunk: Uint8Array, fin: boolean): void => leg.deliver(chunk, fin);
      leg.pace(this.#policy.gate(ends.use, direction, { deliver, onSpent }));
    }
  }

  #endByLimit(session: RelayedSession): void {
    this.#config.reporter.refused(RelayCode.LIMIT, 'session');
    session.end(ResetCode.BUSY);
  }
}

/** What all sessions add to. */
interface SessionTotals {
  readonly toOwners: ByteCounter;
  readonly toDialers: ByteCounter;
}

class RelayedSession implements LeaseUse {
  readonly ends: SessionEnds;
  /** Handler of the dialer's stream, and of the owner's. */
  readonly toOwner: Leg;
  readonly toDialer: Leg;
  readonly forwarding: ForwardingHandler;

  constructor(forwarding: ForwardingHandler, ends: SessionEnds, totals: SessionTotals) {
    this.forwarding = forwarding;
    this.ends = ends;
    this.toOwner = new Leg(this, ends.owner, totals.toOwners);
    this.toDialer = new Leg(this, ends.dialer, totals.toDialers);
    ends.dialer.handler = this.toOwner;
    ends.owner.handler = this.toDialer;
  }

  endWithLease(): void {
    this.end(ResetCode.GONE);
  }

  end(code: ResetCode): void {
    this.ends.owner.reset(code);
    this.ends.dialer.reset(code);
    this.forwarding.ended(this);
  }

  /** Over when both sides have ended and all that they said before is on its way: a relay that drains waits for it. */
  endIfDone(): void {
    const { owner, dialer } = this.ends;
    if (!this.toOwner.isFinished || !this.toDialer.isFinished) return;
    if (owner.queuedBytes === 0 && dialer.queuedBytes === 0) this.forwarding.ended(this);
  }
}

/** Handler of one stream: what comes from it goes to the other one, `sink`, whose bytes come back through `onSent`. */
class Leg implements StreamHandler {
  bytes = 0;
  isFinished = false;
  readonly #session: RelayedSession;
  readonly #sink: MuxStream;
  readonly #total: ByteCounter;
  /** Where bytes are limited: holds back what may not pass yet. */
  #gate: ByteGate | undefined;

  constructor(session: RelayedSession, sink: MuxStream, total: ByteCounter) {
    this.#session = session;
    this.#sink = sink;
    this.#total = total;
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (this.#gate === undefined) this.deliver(chunk, fin);
    else this.#gate.push(chunk, fin);
  }

  /** Other limits from now on, also for what an earlier gate holds. */
  pace(gate: ByteGate | undefined): void {
    const held = this.#gate?.take() ?? [];
    this.#gate = gate;
    for (const { chunk, fin } of held) this.onData(chunk, fin);
  }

  /** What is held back has nowhere to go any more. */
  close(): void {
    this.#gate?.take();
  }

  deliver(chunk: Uint8Array, fin: boolean): void {
    const length = chunk.length;
    if (length > 0) {
      this.bytes += length;
      this.#total.bytes += length;
      // By reference: the body is never copied.
      this.#sink.write(chunk);
    }
    if (!fin) return;
    this.isFinished = true;
    this.#sink.end();
    this.#session.endIfDone();
  }

  /** Bytes left towards our source: they came from the sink, which may send as many again. */
  onSent(bytes: number): void {
    this.#sink.consume(bytes);
    this.#session.endIfDone();
  }

  onReset(_error: SealaneError, code: number): void {
    this.#sink.reset(code);
    this.#session.forwarding.ended(this.#session);
  }
}
