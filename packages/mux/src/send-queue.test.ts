import { describe, expect, it } from 'vitest';
import { SendQueue } from './send-queue.js';

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

describe('chunks that wait', () => {
  it('are joined while they are small, and come out in order whatever is taken between', () => {
    const queue = new SendQueue(1_000_000);
    let written = 0;
    const taken: number[] = [];
    const handedOut: { readonly chunk: Uint8Array; readonly copy: Uint8Array }[] = [];
    for (let round = 0; round < 5_000; round++) {
      const length = round % 97 === 0 ? 300 : 1 + (round % 5);
      queue.push(Uint8Array.from({ length }, () => written++ % 251));
      if (round % 3 !== 0) continue;
      const chunk = queue.take(1 + (round % 7)) as Uint8Array;
      handedOut.push({ chunk, copy: chunk.slice() });
      taken.push(...chunk);
    }
    while (queue.firstBytes > 0) taken.push(...(queue.take(1_000) as Uint8Array));
    expect(taken).toEqual(Array.from({ length: written }, (_, index) => index % 251));
    // What was handed out belongs to a batch: later writes must not reach it.
    for (const { chunk, copy } of handedOut) expect(chunk).toEqual(copy);
  });

  it('make at most one piece of memory for 4 KiB of single bytes', () => {
    const queue = new SendQueue(1_000_000);
    for (let index = 0; index < 65_536; index++) queue.push(bytes(index % 256));
    let pieces = 0;
    for (; queue.firstBytes > 0; pieces++) queue.take(1_000_000);
    expect(pieces).toBeLessThanOrEqual(17);
  });

  it('are not copied when they are large', () => {
    const queue = new SendQueue(1_000_000);
    const large = new Uint8Array(10_000);
    queue.push(bytes(1));
    queue.push(large);
    expect(queue.take(10)).toEqual(bytes(1));
    expect(queue.take(10_000)).toBe(large);
  });
});
