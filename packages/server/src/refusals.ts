import { RelayCode } from '@sealane/types';
import type { LeaseEndReason, RefusalName, RefusalStage, RelayEvent, RequestTrace } from './event.js';
import type { RefusalCount } from './metrics/relay-metrics.js';

const nameByCode: ReadonlyMap<number, string> = new Map(Object.entries(RelayCode).map(([name, code]) => [code, name]));

/** Codes that owners make up are one name: what is counted by name must not grow with their imagination. */
export function refusalName(code: number): RefusalName {
  return nameByCode.get(code) ?? 'UNKNOWN';
}

/** Names of refusals that are told apart by stage; the system makes some of them up, so there is an end to it. */
const MAX_NAMES = 200;

/** Counts what the relay refused, by code, and what happened, by type, and hands events to the operator without ever failing because of it. */
export class Reporter {
  readonly #onEvent: ((event: RelayEvent) => void) | undefined;
  readonly #refusals = new Map<RefusalName, number>();
  readonly #byStage = new Map<RefusalName, Map<RefusalStage, number>>();
  readonly #events = new Map<RelayEvent['type'], number>();
  readonly #leaseEnds = new Map<LeaseEndReason, number>();

  constructor(onEvent: ((event: RelayEvent) => void) | undefined) {
    this.#onEvent = onEvent;
  }

  get refusals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusals);
  }

  get refusalsByStage(): readonly RefusalCount[] {
    return [...this.#byStage].flatMap(([code, stages]) =>
      [...stages].map(([where, count]) => ({ code, where, count })),
    );
  }

  /** How often each type of event happened. */
  get events(): Readonly<Partial<Record<RelayEvent['type'], number>>> {
    return Object.fromEntries(this.#events);
  }

  get leaseEnds(): Readonly<Partial<Record<LeaseEndReason, number>>> {
    return Object.fromEntries(this.#leaseEnds);
  }

  /** `trace`: the request that it concerns, where it is one for a connection. */
  refused(code: number | RefusalName, where: RefusalStage, trace?: RequestTrace): void {
    const name = typeof code === 'number' ? refusalName(code) : code;
    this.#count(name);
    this.#countStage(name, where);
    this.event({ type: 'refused', code: name, where, ...trace });
  }

  event(event: RelayEvent): void {
    this.#events.set(event.type, (this.#events.get(event.type) ?? 0) + 1);
    if (event.type === 'lease-end') {
      this.#leaseEnds.set(event.reason, (this.#leaseEnds.get(event.reason) ?? 0) + 1);
    }
    if (this.#onEvent === undefined) return;
    try {
      this.#onEvent(event);
    } catch {
      // A log that cannot be written (EPIPE, a full disk, EMFILE) must not take the relay with it.
      this.#count('LOG_FAILED');
    }
  }

  #count(name: RefusalName): void {
    this.#refusals.set(name, (this.#refusals.get(name) ?? 0) + 1);
  }

  #countStage(name: RefusalName, where: RefusalStage): void {
    const known = this.#byStage.has(name) || this.#byStage.size < MAX_NAMES ? name : 'OTHER';
    const stages = this.#byStage.get(known) ?? new Map<RefusalStage, number>();
    stages.set(where, (stages.get(where) ?? 0) + 1);
    this.#byStage.set(known, stages);
  }
}

/** A defect of ours for the operator, with where it happened. */
export function describeFault(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
