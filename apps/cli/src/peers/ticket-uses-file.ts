import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TicketUses } from '@sealane/client/ticket';
import { SealaneError } from '@sealane/types';

const MAX_BYTES = 16_777_216;

/** Uses of tickets in a file that only grows, so that a ticket that was used up stays so when the program starts again. */
export class TicketUsesFile implements TicketUses {
  readonly #path: string;
  readonly #counts = new Map<string, number>();

  /** Reads the file; a missing one is empty. Throws ERR_CONFIG. */
  constructor(path: string, nowMs: number = Date.now()) {
    this.#path = path;
    for (const line of readText(path).split('\n')) {
      const [, ticket, notAfterMs] = /^([0-9a-f]{32}) (\d{1,16})$/.exec(line) ?? [];
      // What is cut or damaged cannot be counted; what is over is refused for its time.
      if (ticket !== undefined && Number(notAfterMs) > nowMs) this.#counts.set(ticket, this.used(ticket) + 1);
    }
  }

  used(ticketId: string): number {
    return this.#counts.get(ticketId) ?? 0;
  }

  /** On the disk when it returns: the session begins after it. Throws ERR_CONFIG. */
  add(ticketId: string, notAfterMs: number): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      const file = openSync(this.#path, 'a', 0o600);
      try {
        writeSync(file, `${ticketId} ${notAfterMs}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw new SealaneError('ERR_CONFIG', `${this.#path} cannot be written: ${(error as Error).message}`, {
        cause: error,
      });
    }
    this.#counts.set(ticketId, this.used(ticketId) + 1);
  }
}

function readText(path: string): string {
  try {
    if (statSync(path).size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new SealaneError('ERR_CONFIG', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
