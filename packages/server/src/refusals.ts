import { RelayCode } from '@sealane/types';
import type { RefusalName, RefusalStage, RelayEvent } from './event.js';

const nameByCode: ReadonlyMap<number, string> = new Map(Object.entries(RelayCode).map(([name, code]) => [code, name]));

/** Codes that owners make up are one name: what is counted by name must not grow with their imagination. */
export function refusalName(code: number): RefusalName {
  return nameByCode.get(code) ?? 'UNKNOWN';
}

/** Counts what the relay refused, by code, and hands events to the operator without ever failing because of it. */
export class Reporter {
  readonly #onEvent: ((event: RelayEvent) => void) | undefined;
  readonly #refusals = new Map<RefusalName, number>();

  constructor(onEvent: ((event: RelayEvent) => void) | undefined) {
    this.#onEvent = onEvent;
  }

  get refusals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusals);
  }

  refused(code: number | RefusalName, where: RefusalStage): void {
    const name = typeof code === 'number' ? refusalName(code) : code;
    this.#count(name);
    this.event({ type: 'refused', code: name, where });
  }

  event(event: RelayEvent): void {
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
}

/** A defect of ours for the operator, with where it happened. */
export function describeFault(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
