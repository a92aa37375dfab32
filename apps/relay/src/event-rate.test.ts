import { describe, expect, it } from 'vitest';
import { EventRate } from './event-rate.js';
import { Output } from './output.js';

describe('lines about clients', () => {
  it('are 200 a second of each kind, 1,000 at once before that, and the rest is counted', () => {
    let nowMs = 0;
    const rate = new EventRate(() => nowMs);
    const taken = (type: string, count: number): number =>
      Array.from({ length: count }, () => rate.take(type)).filter(Boolean).length;
    expect(taken('link-open', 1_500)).toBe(1_000);
    expect(taken('lease', 10)).toBe(10);
    nowMs += 500;
    expect(taken('link-open', 150)).toBe(100);
    expect(rate.takeOmitted()).toEqual([{ what: 'link-open', count: 550 }]);
    expect(rate.takeOmitted()).toEqual([]);
    nowMs += 60_000;
    expect(taken('link-open', 1_500)).toBe(1_000);
  });

  it('that are not told are told as a sum, and faults always', () => {
    const lines: string[] = [];
    const sink = { writableLength: 0, write: (text: string) => lines.push(text) };
    const output = new Output({ json: true, stdout: sink, stderr: sink, rate: new EventRate(() => 0) });
    for (let count = 0; count < 3_000; count++) output.relay({ type: 'link-open', link: 'x', client: 'y' });
    for (let count = 0; count < 1_200; count++) output.relay({ type: 'fault', code: 'ERR_INTERNAL', message: 'x' });
    output.flush();
    // Each with its line break; they may have left together.
    const told = lines.join('').split('\n');
    expect(told).toHaveLength(1_000 + 1_200 + 1 + 1);
    expect(told.at(-2)).toBe('{"event":"omitted","what":"link-open","count":2000}');
  });
});
