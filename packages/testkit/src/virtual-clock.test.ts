import { expect, test } from 'vitest';
import { VirtualClock } from './virtual-clock.js';

test('callbacks run in order of due time, then of scheduling, and see their own due time', () => {
  const clock = new VirtualClock();
  const seen: [string, number][] = [];
  clock.schedule(20, () => seen.push(['c', clock.nowMs()]));
  clock.schedule(10, () => seen.push(['a', clock.nowMs()]));
  clock.schedule(10, () => seen.push(['b', clock.nowMs()]));
  clock.advance(15);
  expect(seen).toEqual([
    ['a', 10],
    ['b', 10],
  ]);
  expect(clock.nowMs()).toBe(15);
  clock.advance(5);
  expect(seen.at(-1)).toEqual(['c', 20]);
});

test('what a callback schedules inside the same advance runs too', () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  const tick = (): void => {
    seen.push(clock.nowMs());
    clock.schedule(3, tick);
  };
  clock.schedule(3, tick);
  clock.advance(10);
  expect(seen).toEqual([3, 6, 9]);
  expect(clock.nextDueMs).toBe(12);
});

test('a cancelled callback never runs and is not pending', () => {
  const clock = new VirtualClock();
  let ran = 0;
  const timer = clock.schedule(5, () => ran++);
  timer.cancel();
  timer.cancel();
  expect(clock.pending).toBe(0);
  clock.advance(10);
  expect(ran).toBe(0);
});

test('wall time follows and can jump alone', () => {
  const clock = new VirtualClock({ startWallMs: 1_000 });
  clock.advance(500);
  clock.jumpWall(60_000);
  expect([clock.nowMs(), clock.wallMs()]).toEqual([500, 61_500]);
});

test('runAll names an endless loop instead of hanging', () => {
  const clock = new VirtualClock();
  const again = (): void => void clock.schedule(1, again);
  again();
  expect(() => clock.runAll(100)).toThrow(/after 100 callbacks/);
});

test('advanceAsync lets promises schedule between callbacks', async () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => clock.schedule(ms, resolve));
  const run = async (): Promise<void> => {
    for (let index = 0; index < 3; index++) {
      await sleep(10);
      seen.push(clock.nowMs());
    }
  };
  const done = run();
  await clock.advanceAsync(30);
  await done;
  expect(seen).toEqual([10, 20, 30]);
});

test('many callbacks in random order come out sorted', () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  for (let index = 0; index < 2_000; index++) clock.schedule((index * 7_919) % 1_009, () => seen.push(clock.nowMs()));
  expect(clock.runAll()).toBe(2_000);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});
