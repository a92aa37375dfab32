/** Bytes that page and test make alike from a seed: xorshift32 over blocks of 64 KiB. */
export const BLOCK_BYTES = 65_536;

export function* patternBlocks(seed: number, bytes: number): Generator<Uint8Array<ArrayBuffer>, void, void> {
  let state = seed | 1;
  for (let left = bytes; left > 0; left -= BLOCK_BYTES) {
    const words = new Uint32Array(BLOCK_BYTES / 4);
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
    yield new Uint8Array(words.buffer, 0, Math.min(left, BLOCK_BYTES));
  }
}
