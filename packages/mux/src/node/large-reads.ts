import { Socket } from 'node:net';
import { beginCallback, endCallback } from './callback-end.js';

/** What Node reads at once at most. */
export const FULL_READ_BYTES = 65_536;
/** So many reads make a socket one that is worth it; a full one counts as eight. */
export const ENOUGH_READS = 32;
const LARGE_BYTES = 262_144;
/** A read of so much is one of bulk: large memory follows. */
const BULK_READ_BYTES = 16_384;
/** Sockets of the process that may have large memory: 16 MiB together. */
const MAX_HOLDERS = 64;
/** A socket that has not filled its memory for so long gives it to one that can use it. */
const QUIET_MS = 1_000;

/** Sockets with large memory, and since when. In this order. */
const holders = new Map<LargeReads, number>();
/**
 * What all sockets without memory of their own are read into; each read is copied out before anything else happens. Not
 * on Windows, where the system may fill it while something else does.
 */
const shared = memoryOf(FULL_READ_BYTES);
const mayShare = process.platform !== 'win32';

/** What Node keeps behind `onread` of `net.connect`. A socket that was accepted, or carried HTTP, has no other way to it. */
interface Internals {
  /** Reads into `memory`, and after each read into what `next` says. */
  use(memory: Uint8Array, onRead: (bytes: number) => boolean, next: () => Uint8Array): void;
}

/**
 * Lets a plain socket that carries much, in bytes or in reads, be read past Node's streams: bulk in pieces of up to 256 KiB,
 * into memory that is not cleared first and serves several reads, and what is little into memory that all sockets share,
 * from where it is copied. Asked at each read until then. Where Node does not let us, on TLS and where others listen to
 * the socket as well, everything stays as it is: `data` events.
 */
export class LargeReads {
  readonly #socket: Socket;
  readonly #onChunk: (chunk: Uint8Array) => boolean;
  #seen = 0;
  #internals: Internals | undefined;
  /** Undefined while what is read is copied out. */
  #memory: Uint8Array | undefined;
  /** Where the next read goes. */
  #view: Uint8Array | undefined;
  #used = 0;

  /** `onChunk` gets what else came in `data` events; false stops reading until `socket.resume()`. */
  constructor(socket: Socket, onChunk: (chunk: Uint8Array) => boolean) {
    this.#socket = socket;
    this.#onChunk = onChunk;
  }

  /** Nothing comes in `data` events any more. */
  get isOn(): boolean {
    return this.#internals !== undefined;
  }

  /** A `data` event brought so many bytes. Called from within its listener. */
  sawRead(bytes: number): void {
    if (this.isOn) return;
    if (bytes >= FULL_READ_BYTES) this.#seen += 8;
    else if (mayShare) this.#seen += 1;
    if (this.#seen < ENOUGH_READS) return;
    this.#seen = 0;
    if (this.#socket.readableLength > 0 || this.#socket.listenerCount('data') !== 1) return;
    this.#internals = internalsOf(this.#socket);
    if (this.#internals === undefined) return;
    this.#socket.once('close', () => holders.delete(this));
    this.#use(bytes >= BULK_READ_BYTES);
  }

  /** Nothing was read into it for a while: what it holds is given up. */
  shrink(): void {
    this.#use(false);
  }

  #use(wantsLarge: boolean): void {
    this.#internals?.use(this.#takeMemory(wantsLarge), this.#onRead, () => this.#view!);
  }

  readonly #onRead = (bytes: number): boolean => {
    beginCallback();
    try {
      return this.#onChunk(this.#read(bytes));
    } finally {
      endCallback();
    }
  };

  #read(bytes: number): Uint8Array {
    const memory = this.#memory;
    const view = this.#view!;
    if (memory === undefined) {
      const copy = view.slice(0, bytes);
      if (bytes >= BULK_READ_BYTES) this.#takeMemory(true);
      return copy;
    }
    this.#used += bytes;
    if (memory.length - this.#used < FULL_READ_BYTES) this.#takeMemory(bytes >= BULK_READ_BYTES);
    else this.#view = memory.subarray(this.#used);
    return view.subarray(0, bytes);
  }

  #takeMemory(wantsLarge: boolean): Uint8Array {
    holders.delete(this);
    this.#used = 0;
    this.#memory = undefined;
    if (wantsLarge && hasRoom()) {
      holders.set(this, performance.now());
      this.#memory = memoryOf(LARGE_BYTES);
    }
    this.#view = this.#memory ?? (mayShare ? shared : memoryOf(BULK_READ_BYTES));
    return this.#view;
  }
}

/** Not cleared, outside of Node's pool. */
function memoryOf(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

function hasRoom(): boolean {
  if (holders.size < MAX_HOLDERS) return true;
  for (const [oldest, sinceMs] of holders) {
    if (performance.now() - sinceMs < QUIET_MS) return false;
    oldest.shrink();
    return true;
  }
  return false;
}

/** Undefined unless everything is as Node 20 to 26 have it. */
function internalsOf(socket: Socket): Internals | undefined {
  if (!(socket instanceof Socket)) return undefined;
  const fields = socket as unknown as Record<string | symbol, unknown>;
  const handle = fields['_handle'] as { useUserBuffer?: unknown; constructor: { name: string } } | null | undefined;
  if (!handle?.useUserBuffer || !['TCP', 'Pipe'].includes(handle.constructor.name)) return undefined;
  const own = Object.getOwnPropertySymbols(socket);
  const keys = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
    own.find(({ description }) => description === name),
  );
  // One that is missing, or somebody reads it in this way already.
  if (keys.some((key) => key === undefined || fields[key] !== null)) return undefined;
  const [buffer, callback, generator] = keys as [symbol, symbol, symbol];
  return {
    use(memory, onRead, next) {
      fields[buffer] = memory;
      fields[callback] = onRead;
      fields[generator] = next;
      (handle as { useUserBuffer(memory: Uint8Array): void }).useUserBuffer(memory);
    },
  };
}
