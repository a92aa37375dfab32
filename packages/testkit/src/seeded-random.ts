import type { RandomBytes } from '@sealane/types';

/** Repeatable randomness. It is a {@link RandomBytes} with a few choices on top. Never for keys outside of tests. */
export interface SeededRandom extends RandomBytes {
  readonly seed: number;
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(values: readonly T[]): T;
  shuffle<T>(values: readonly T[]): T[];
  /** An independent generator that depends on this one's seed and the label only. */
  fork(label: number | string): SeededRandom;
  /** Overwrites `target` with random bytes: the fast way to much data. */
  fill(target: Uint8Array): Uint8Array;
}

/** A generator (sfc32) whose whole sequence follows from `seed`. */
export function seededRandom(seed: number): SeededRandom {
  let a = 0x9e37_79b9;
  let b = 0x243f_6a88;
  let c = seed | 0;
  let counter = (Math.floor(seed / 0x1_0000_0000) | 0) + 1;

  const next = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result;
  };
  for (let warmUp = 0; warmUp < 15; warmUp++) next();

  const fill = (target: Uint8Array): Uint8Array => {
    const words = target.length >> 2;
    if (target.byteOffset % 4 === 0) {
      const view = new Uint32Array(target.buffer, target.byteOffset, words);
      for (let index = 0; index < words; index++) view[index] = next();
    } else {
      for (let index = 0; index < words * 4; index += 4) {
        const word = next();
        target[index] = word;
        target[index + 1] = word >>> 8;
        target[index + 2] = word >>> 16;
        target[index + 3] = word >>> 24;
      }
    }
    for (let index = words * 4; index < target.length; index++) target[index] = next();
    return target;
  };
  const float = (): number => (next() >>> 0) / 0x1_0000_0000;
  const int = (min: number, max: number): number => min + Math.floor(float() * (max - min + 1));

  const methods = {
    seed,
    float,
    int,
    fill,
    chance: (probability: number): boolean => float() < probability,
    pick: <T>(values: readonly T[]): T => {
      if (values.length === 0) throw new RangeError('nothing to pick from');
      return values[int(0, values.length - 1)] as T;
    },
    shuffle: <T>(values: readonly T[]): T[] => {
      const result = [...values];
      for (let index = result.length - 1; index > 0; index--) {
        const other = int(0, index);
        [result[index], result[other]] = [result[other] as T, result[index] as T];
      }
      return result;
    },
    fork: (label: number | string): SeededRandom => seededRandom(mix(seed, String(label))),
  };
  return Object.assign((length: number): Uint8Array => fill(new Uint8Array(length)), methods);
}

function mix(seed: number, label: string): number {
  let hash = 0x811c_9dc5 ^ (seed | 0);
  for (let index = 0; index < label.length; index++) {
    hash = Math.imul(hash ^ label.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
}
