import { VirtualClock } from '@sealane/testkit';
import { expect, it } from 'vitest';
import { SleepDetector } from './sleep-detector.js';

function setup() {
  const clock = new VirtualClock();
  return { clock, detector: new SleepDetector(clock, 500) };
}

it('ticks in time, or a little late, are no sleep', () => {
  const { clock, detector } = setup();
  for (const delayMs of [500, 700, 5_400]) {
    clock.advance(delayMs);
    expect(detector.hasSlept()).toBe(false);
  }
});

it('a process that was stopped shows in the monotonic clock', () => {
  const { clock, detector } = setup();
  clock.advance(45_000);
  expect(detector.hasSlept()).toBe(true);
  clock.advance(500);
  expect(detector.hasSlept()).toBe(false);
});

it('a machine that slept shows in the wall clock alone', () => {
  const { clock, detector } = setup();
  clock.jumpWall(3_600_000);
  clock.advance(500);
  expect(detector.hasSlept()).toBe(true);
});

it('a wall clock that is set back is no sleep', () => {
  const { clock, detector } = setup();
  clock.jumpWall(-3_600_000);
  clock.advance(500);
  expect(detector.hasSlept()).toBe(false);
});
