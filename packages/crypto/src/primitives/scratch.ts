import { loadedRawSodium, type RawSodium } from '../sodium.js';

/**
 * One region of the WebAssembly memory that is kept between calls. The wrappers allocate, copy and free for each
 * argument, which costs a small record more than its cipher does. Nothing here awaits, so one region is enough.
 */
export interface Scratch {
  readonly raw: RawSodium;
  readonly address: number;
}

let address = 0;
let capacity = 0;

/** At least `bytes` bytes of scratch memory, valid until the next call. Its content is undefined. */
export function reserveScratch(bytes: number): Scratch {
  const raw = loadedRawSodium();
  if (bytes > capacity) {
    if (address !== 0) raw._free(address);
    // Rounded up, so that a growing series of sizes does not allocate at each step.
    const size = Math.max(8_192, 2 ** Math.ceil(Math.log2(bytes)));
    address = raw._malloc(size);
    capacity = size;
  }
  return { raw, address };
}
