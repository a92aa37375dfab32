import { Socket } from 'node:net';

/** What Node reads at once at most. */
export const FULL_READ_BYTES = 65_536;
/** Reads of this size after which a socket is one that carries bulk. */
const ENOUGH_FULL_READS = 4;
const LARGE_BYTES = 262_144;
/** For a socket that carries little at the moment: what it holds while nothing comes. */
const SMALL_BYTES = 8_192;
/** A view with less room than this, or half of its memory, is not worth a read. */
const LEAST_BYTES = 2_048;
/** What all sockets of the process together hold to be read into, beside {@link SMALL_BYTES} each. */
const MAX_HELD_BYTES = 16_777_216;
/** A socket that has not filled its memory for so long gives it to one that can use it. */
const QUIET_MS = 1_000;

/** Sockets with large memory, and since when. In this order. */
const holders = new Map<LargeReads, number>();

/** What Node keeps behind `onread` of `net.connect`. A socket that was accepted, or carried HTTP, has no other way to it. */
interface Internals {
  readonly handle: { useUserBuffer(memory: Uint8Array): void };
  setBuffer(memory: Uint8Array, callback: (bytes: number) => boolean, next: () => Uint8Array): void;
}

/**
 * Lets a plain socket that carries bulk be read in pieces of up to 256 KiB, into memory that is not cleared first and
 * serves several reads. Asked at each read until then. Where Node does not let us, on TLS and for sockets that carry
 * little, everything stays as it is: `data` events.
 */
export class LargeReads {
  readonly #socket: Socket;
  readonly #onChunk: (chunk: Uint8Array) => boolean;
  #fullReads = 0;
  #isOn = false;
  #internals: Internals | undefined;
  #memory: Uint8Array = new Uint8Array(0);
  #view: Uint8Array = this.#memory;
  #used = 0;

  /** `onChunk` gets what else came in `data` events; false stops reading until `socket.resume()`. */
  constructor(socket: Socket, onChunk: (chunk: Uint8Array) => boolean) {
    this.#socket = socket;
    this.#onChunk = onChunk;
  }

  /** Nothing comes in `data` events any more. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** A `data` event brought so many bytes. Called from within its listener. */
  sawRead(bytes: number): void {
    if (bytes < FULL_READ_BYTES || this.#isOn) return;
    this.#fullReads += 1;
    if (this.#fullReads !== ENOUGH_FULL_READS || this.#socket.readableLength > 0) return;
    this.#internals = internalsOf(this.#socket);
    if (this.#internals === undefined) return;
    this.#isOn = true;
    this.#socket.once('close', () => holders.delete(this));
    this.#view = this.#takeMemory(true);
    this.#internals.setBuffer(
      this.#view,
      (length) => this.#onRead(length),
      () => this.#view,
    );
    this.#internals.handle.useUserBuffer(this.#view);
  }

  #onRead(bytes: number): boolean {
    const chunk = this.#view.subarray(0, bytes);
    const isFull = bytes === this.#view.length;
    this.#used += bytes;
    const left = this.#memory.length - this.#used;
    const isLarge = this.#memory.length === LARGE_BYTES;
    if (isLarge && bytes < SMALL_BYTES) this.#view = this.#takeMemory(false);
    else if (isFull || left < (isLarge ? FULL_READ_BYTES : LEAST_BYTES))
      this.#view = this.#takeMemory(isLarge || isFull);
    else this.#view = this.#memory.subarray(this.#used);
    return this.#onChunk(chunk);
  }

  #takeMemory(wantsLarge: boolean): Uint8Array {
    holders.delete(this);
    const isLarge = wantsLarge && hasRoom();
    if (isLarge) holders.set(this, performance.now());
    const { buffer } = Buffer.allocUnsafeSlow(isLarge ? LARGE_BYTES : SMALL_BYTES);
    this.#memory = new Uint8Array(buffer);
    this.#used = 0;
    return this.#memory;
  }

  /** Nothing was read into it for a while: what it holds is given up. */
  shrink(): void {
    this.#view = this.#takeMemory(false);
    this.#internals?.setBuffer(
      this.#view,
      (length) => this.#onRead(length),
      () => this.#view,
    );
    this.#internals?.handle.useUserBuffer(this.#view);
  }
}

function hasRoom(): boolean {
  if ((holders.size + 1) * LARGE_BYTES <= MAX_HELD_BYTES) return true;
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
  if (typeof handle?.useUserBuffer !== 'function' || !['TCP', 'Pipe'].includes(handle.constructor.name))
    return undefined;
  const own = Object.getOwnPropertySymbols(socket);
  const [buffer, callback, generator] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
    own.find(({ description }) => description === name),
  );
  if (buffer === undefined || callback === undefined || generator === undefined) return undefined;
  // Somebody reads it in this way already.
  if (fields[buffer] !== null || fields[callback] !== null || fields[generator] !== null) return undefined;
  return {
    handle: handle as Internals['handle'],
    setBuffer(memory, onRead, next) {
      fields[buffer] = memory;
      fields[callback] = onRead;
      fields[generator] = next;
    },
  };
}
