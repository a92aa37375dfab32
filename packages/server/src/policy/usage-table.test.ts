import { VirtualClock } from '@sealane/testkit';
import { describe, expect, it } from 'vitest';
import { type RelayLimits, resolveLimits } from '../limits.js';
import { UsageTable } from './usage-table.js';

function setup(overrides: Partial<RelayLimits>) {
  const clock = new VirtualClock();
  const limits = resolveLimits({ maxTracked: 100, ...overrides });
  return { clock, table: new UsageTable('address', limits, clock) };
}

describe('the table of addresses', () => {
  it('forgets who uses nothing, when its rates are full again', () => {
    const { clock, table } = setup({ newSocketsPerAddressPerSecond: 10 });
    for (let i = 0; i < 50; i++) table.of(`a${i}`).fresh?.tryTake(0);
    table.of('open').open++;
    table.sweep();
    expect(table.size).toBe(51);
    clock.advance(100);
    table.sweep();
    expect(table.size).toBe(1);
    expect(table.find('open')).toBeDefined();
  });

  it('is bounded, and a flood from many addresses frees none that is limited', () => {
    const { clock, table } = setup({ newSocketsPerAddressPerSecond: 2, bytesPerAddressPerDay: 1_000, maxTracked: 100 });
    const [fast, spent, inUse] = [table.of('fast'), table.of('spent'), table.of('in use')];
    while (fast.fresh?.tryTake(0) === true);
    spent.addDayBytes(1_000, clock.wallMs());
    inUse.open = 3;
    for (let i = 0; i < 10_000; i++) {
      table.of(`flood ${i}`).fresh?.tryTake(0);
      expect(table.size).toBeLessThanOrEqual(100);
    }
    expect(table.of('fast')).toBe(fast);
    expect(table.of('spent')).toBe(spent);
    expect(table.of('in use')).toBe(inUse);
    expect(table.of('fast').fresh?.tryTake(0)).toBe(false);
    expect(table.of('spent').isDayOver(clock.wallMs())).toBe(true);
  });

  it('lets newcomers share one count where everybody in it is limited or open', () => {
    const { table } = setup({ maxTracked: 10 });
    for (let i = 0; i < 10; i++) table.of(`open ${i}`).open = 1;
    const [first, second] = [table.of('new'), table.of('newer')];
    expect(first).toBe(second);
    expect(first.key).toBe('others');
    expect(table.size).toBe(10);
    const gone = table.of('open 3');
    gone.open = 0;
    expect(table.of('newest').key).toBe('newest');
    expect(table.find('open 3')).toBeUndefined();
  });

  it('forgets those first who have relayed the least today', () => {
    const { clock, table } = setup({ bytesPerAddressPerDay: 1_000, maxTracked: 20 });
    for (let i = 0; i < 20; i++) table.of(`a${i}`).addDayBytes(i === 7 ? 1 : 900, clock.wallMs());
    table.of('new');
    expect(table.find('a7')).toBeUndefined();
    expect(table.size).toBe(20);
  });
});
