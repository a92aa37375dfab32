import type { MuxStream, StreamHandler } from '@sealane/mux';
import { RelayCode, ResetCode, type SealaneError } from '@sealane/types';
import type { IdentityUsage } from './identity-usage.js';
import type { LeaseUse, ServedLease } from './lease-manager.js';
import type { LimitedPart } from './live-limits.js';
import type { RelayConfig } from './relay-config.js';

/** What the two streams of a connection cost, waiting or joined, beside the bytes that they hold. */
export const CONNECTION_BYTES = 4_096;

export interface SessionEnds {
  readonly number: number;
  readonly lease: ServedLease;
  readonly dialerId: string;
  readonly dialer: MuxStream;
  readonly owner: MuxStream;
}

/** Joins the two streams of an accepted connection and carries what comes, unread (v1.md, "Forwarding"). */
export class ForwardingHandler implements LimitedPart {
  relayedBytes = 0;
  readonly #config: RelayConfig;
  readonly #usage: IdentityUsage;
  readonly #sessions = new Set<RelayedSession>();
  #idleWaiters: (() => void)[] = [];

  constructor(config: RelayConfig, usage: IdentityUsage) {
    this.#config = config;
    this.#usage = usage;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Takes both streams over, and the charge of {@link CONNECTION_BYTES}; the caller hands over what arrived before. */
  join(ends: SessionEnds): void {
    const session = new RelayedSession(this, ends);
    this.#sessions.add(session);
    ends.lease.uses.add(session);
    const { number, lease } = ends;
    this.#config.reporter.event({
      type: 'session-open',
      session: number,
      owner: lease.record.id,
      service: lease.record.service,
    });
  }

  /** Of an identity with too many sessions the newest are ended. */
  applyLimits(): void {
    const { sessionsPerIdentity } = this.#config.limits;
    const counts = new Map<string, number>();
    for (const session of [...this.#sessions]) {
      const ids = new Set([session.ends.dialerId, session.ends.lease.record.id]);
      if ([...ids].some((id) => (counts.get(id) ?? 0) >= sessionsPerIdentity)) {
        this.#config.reporter.refused(RelayCode.LIMIT, 'connect');
        session.end(ResetCode.BUSY);
      } else for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }

  /** Resolves when no session is left. */
  whenIdle(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  ended(session: RelayedSession): void {
    if (!this.#sessions.delete(session)) return;
    const { lease, dialerId, number } = session.ends;
    this.#config.budget.release(CONNECTION_BYTES);
    lease.uses.delete(session);
    this.#usage.removeSession(dialerId, lease.record.id);
    this.#config.reporter.event({
      type: 'session-close',
      session: number,
      bytesToOwner: session.toOwner.bytes,
      bytesToDialer: session.toDialer.bytes,
    });
    if (this.#sessions.size > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

class RelayedSession implements LeaseUse {
  readonly ends: SessionEnds;
  /** Handler of the dialer's stream, and of the owner's. */
  readonly toOwner: Leg;
  readonly toDialer: Leg;
  readonly forwarding: ForwardingHandler;

  constructor(forwarding: ForwardingHandler, ends: SessionEnds) {
    this.forwarding = forwarding;
    this.ends = ends;
    this.toOwner = new Leg(this, ends.owner);
    this.toDialer = new Leg(this, ends.dialer);
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

  constructor(session: RelayedSession, sink: MuxStream) {
    this.#session = session;
    this.#sink = sink;
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    const length = chunk.length;
    if (length > 0) {
      this.bytes += length;
      this.#session.forwarding.relayedBytes += length;
      // The frame header is rewritten where the old one stood: the body is never copied.
      this.#sink.write(chunk, true);
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
