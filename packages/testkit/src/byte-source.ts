import { createHash } from 'node:crypto';
import { seededRandom } from './seeded-random.js';

/** `bytes` bytes that follow from the seed, in fresh chunks of up to 64 KiB. */
export function* seededChunks(seed: number, bytes: number, chunkBytes = 65_536): Generator<Uint8Array, void, void> {
  const random = seededRandom(seed);
  for (let left = bytes; left > 0; left -= chunkBytes) yield random(Math.min(left, chunkBytes));
}

/** SHA-256 in hex of what {@link seededChunks} yields. */
export function seededSha256(seed: number, bytes: number): string {
  const hash = createHash('sha256');
  for (const chunk of seededChunks(seed, bytes)) hash.update(chunk);
  return hash.digest('hex');
}

/** Checks a stream against {@link seededChunks} byte by byte, so that one wrong byte has a place. */
export class SeededVerifier {
  receivedBytes = 0;
  readonly #random: Generator<Uint8Array, void, void>;
  #expected: Uint8Array = new Uint8Array(0);

  constructor(seed: number, bytes: number = Number.MAX_SAFE_INTEGER) {
    this.#random = seededChunks(seed, bytes);
  }

  /** Throws at the first byte that differs, or that is beyond the end. */
  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#expected.length === 0) {
        const next = this.#random.next();
        if (next.done === true) throw new Error(`more bytes than the ${this.receivedBytes} expected`);
        this.#expected = next.value;
      }
      const length = Math.min(this.#expected.length, chunk.length - offset);
      this.#compare(chunk.subarray(offset, offset + length), this.#expected.subarray(0, length));
      this.#expected = this.#expected.subarray(length);
      offset += length;
    }
  }

  #compare(actual: Uint8Array, expected: Uint8Array): void {
    if (Buffer.compare(actual, expected) !== 0) {
      const at = actual.findIndex((byte, index) => byte !== expected[index]);
      throw new Error(`byte ${this.receivedBytes + at} is wrong`);
    }
    this.receivedBytes += actual.length;
  }
}
