import { describe, expect, it } from 'vitest';
import { EarlyData } from './early-data.js';

describe('early data', () => {
  it('comes out in order and in few pieces, however it came in', () => {
    const early = new EarlyData();
    const all: number[] = [];
    for (let round = 0; round < 3_000; round++) {
      const chunk = new Uint8Array(round % 500 === 7 ? 5_000 : 1 + (round % 3)).fill(round);
      all.push(...chunk);
      early.push(chunk);
    }
    const chunks = early.take();
    expect(chunks.length).toBeLessThanOrEqual(14);
    expect([...Buffer.concat(chunks)]).toEqual(all);
    expect(early.take()).toEqual([]);
  });

  it('starts every piece of its own at the beginning of its memory: what lies before a chunk may be overwritten', () => {
    const early = new EarlyData();
    for (let count = 0; count < 100; count++) early.push(new Uint8Array(1_000));
    expect(early.take().map(({ byteOffset }) => byteOffset)).toEqual(new Array(7).fill(0));
  });
});
