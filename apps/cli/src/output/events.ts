import type { RoundTripSummary } from '../ping/round-trips.js';

/** By which dialer, owner and relay know a session, 32 hex digits; for logs, not secret. */
interface SessionTrace {
  connection?: string;
}

/** What the programs report while they run; with `--json` each is one line, unchanged. Documented in docs/cli.md. */
export type CliEvent =
  | { event: 'ready'; id: string; name: string | null; service: string; relay: string; address: string }
  | { event: 'listening'; address: string }
  | ({ event: 'connected'; peer: string; name?: string; service: string } & SessionTrace)
  | ({ event: 'session'; state: 'open' | 'closed'; session: number; peer: string; code?: string } & SessionTrace)
  /** The path of a session broke; and another one carries it on, `gapMs` later, over this relay. */
  | ({ event: 'session'; state: 'interrupted'; peer: string; code: string } & SessionTrace)
  | ({
      event: 'session';
      state: 'resumed';
      peer: string;
      gapMs: number;
      relay?: string;
      /** By which the relay knows this path, in hex. */
      resume?: string;
    } & SessionTrace)
  | {
      event: 'stream';
      state: 'open' | 'closed' | 'reset';
      stream: number;
      peer: string;
      session?: number;
      bytesIn?: number;
      bytesOut?: number;
      /** False when the local program could not be told that the end was not orderly (unix sockets). */
      resetDelivered?: boolean;
      message?: string;
      code?: string;
    }
  | { event: 'status'; state: string; relay?: string; code?: string; retryInMs?: number; message?: string }
  /** An operator of the relay has to approve this identity; nobody reaches the service before. */
  | { event: 'pending'; relay: string; service: string; name: string | null }
  | ({ event: 'refused'; code: string; message?: string; peer?: string } & SessionTrace)
  | { event: 'warning'; message: string; code?: string }
  | {
      event: 'ping';
      round: number;
      /** Milliseconds; null for a lost one, with the reason. */
      ownerMs: number | null;
      relayMs: number | null;
      ownerCode?: string;
      relayCode?: string;
    }
  | { event: 'ping-summary'; owner: RoundTripSummary; relay: RoundTripSummary }
  | { event: 'offer'; command: 'send' | 'receive' | 'cat'; address: string; relay: string }
  | {
      event: 'progress';
      file: string;
      bytes: number;
      /** Null when it is not known. */
      size: number | null;
      bytesPerSecond: number;
      etaMs: number | null;
    }
  | {
      event: 'transfer';
      state: 'sent' | 'received';
      file: string;
      /** Where it was stored; `-` is standard output. */
      path?: string;
      bytes: number;
      /** BLAKE2b-256 in hex. */
      checksum: string;
      index: number;
      count: number;
    }
  | { event: 'dropped'; count: number }
  | { event: 'stopping'; drainMs: number };
