import { VirtualClock } from '@sealane/testkit';
import { describe, expect, it } from 'vitest';
import { ByteGate } from './byte-gate.js';
import { BytePacer } from './byte-pacer.js';
import { RateBucket } from './rate-bucket.js';

function setup(count: number, rates: readonly number[]) {
  const clock = new VirtualClock();
  const pacer = new BytePacer(clock);
  const buckets = rates.map((rate) => new RateBucket(rate, 1_000, 0));
  const passed: { gate: number; bytes: number; atMs: number }[] = [];
  const gates = Array.from(
    { length: count },
    (_, gate) =>
      new ByteGate({
        clock,
        pacer,
        buckets,
        meters: [],
        deliver: (chunk) => passed.push({ gate, bytes: chunk.length, atMs: clock.nowMs() }),
        onSpent: () => undefined,
      }),
  );
  return { clock, pacer, buckets, gates, passed, bytes: () => passed.reduce((sum, { bytes }) => sum + bytes, 0) };
}

describe('ByteGate', () => {
  it('keeps the slowest of its rates, exactly over time', () => {
    const { clock, gates, bytes } = setup(1, [50_000, 10_000, 20_000]);
    for (let i = 0; i < 1_000; i++) gates[0]?.push(new Uint8Array(1_000), false);
    clock.advance(50_000);
    expect(bytes()).toBeGreaterThan(490_000);
    expect(bytes()).toBeLessThanOrEqual(10_000 * 50 + 1_000 + 1_000);
  });

  it('lets those who share a rate take turns', () => {
    const { clock, gates, passed } = setup(3, [10_000]);
    for (const gate of gates) for (let i = 0; i < 100; i++) gate.push(new Uint8Array(1_000), false);
    clock.advance(6_000);
    const each = gates.map((_, gate) => passed.filter((entry) => entry.gate === gate).length);
    expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
  });

  it('has no timer while nobody waits', () => {
    const { clock, gates } = setup(2, [10_000]);
    expect(clock.pending).toBe(0);
    gates[0]?.push(new Uint8Array(5_000), false);
    gates[0]?.push(new Uint8Array(5_000), false);
    gates[1]?.push(new Uint8Array(5_000), true);
    expect(clock.pending).toBe(1);
    clock.advance(5_000);
    expect(clock.pending).toBe(0);
    gates[0]?.push(new Uint8Array(50_000), false);
    gates[1]?.push(new Uint8Array(1), false);
    expect(gates[1]?.take()).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('goes on at once at a higher rate, and gives back in order what it holds', () => {
    const { clock, buckets, gates, passed } = setup(1, [10]);
    for (let i = 0; i < 200; i++) gates[0]?.push(new Uint8Array(1_000 + i), false);
    clock.advance(1_000);
    const before = passed.length;
    buckets[0]?.change(10_000_000, 1_000_000, clock.nowMs());
    clock.advance(255);
    expect(passed.length).toBeGreaterThan(before + 100);
    const rest = gates[0]?.take() ?? [];
    const all = [...passed.map(({ bytes }) => bytes), ...rest.map(({ chunk }) => chunk.length)];
    expect(all).toEqual(Array.from({ length: 200 }, (_, i) => 1_000 + i));
  });
});
