import { VirtualClock } from '@sealane/testkit';
import type { Clock } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { AuthQueue } from './auth-queue.js';

/** A clock on which work takes time. */
function createWork() {
  const virtual = new VirtualClock();
  let spentMs = 0;
  const clock: Clock = {
    nowMs: () => virtual.nowMs() + spentMs,
    wallMs: () => virtual.wallMs() + spentMs,
    schedule: (delayMs, callback) => virtual.schedule(delayMs, callback),
  };
  const order: number[] = [];
  const task = (number: number, costMs: number) => () => {
    order.push(number);
    spentMs += costMs;
  };
  return { virtual, clock, order, task, spentMs: () => spentMs };
}

describe('checks of strangers', () => {
  it('run at once while there is little to do', () => {
    const { clock, order, task } = createWork();
    const queue = new AuthQueue(clock, 0.25);
    for (let number = 0; number < 100; number++) queue.submit(task(number, 1));
    expect([order.length, queue.length]).toEqual([100, 0]);
  });

  it('take no more than their share of a core, in order, and none is lost', async () => {
    const { virtual, clock, order, task, spentMs } = createWork();
    const queue = new AuthQueue(clock, 0.25);
    for (let number = 0; number < 2_000; number++) queue.submit(task(number, 2));
    const startMs = clock.nowMs();
    await virtual.advanceAsync(4_000);
    const elapsedMs = clock.nowMs() - startMs;
    // Beside the first 250 ms, which may be taken at once.
    expect(spentMs()).toBeLessThanOrEqual(250 + 250 + elapsedMs * 0.25);
    expect(spentMs()).toBeGreaterThan(1_000);
    await virtual.advanceAsync(60_000);
    expect(order).toEqual(Array.from({ length: 2_000 }, (_, number) => number));
  });

  it('are not made for a socket that went meanwhile', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new AuthQueue(clock, 0.25);
    queue.submit(task(0, 1_000));
    const cancel = queue.submit(task(1, 1));
    queue.submit(task(2, 1));
    cancel();
    await virtual.advanceAsync(60_000);
    expect([order, queue.length]).toEqual([[0, 2], 0]);
  });

  it('end with the relay', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new AuthQueue(clock, 0.25);
    queue.submit(task(0, 1_000));
    queue.submit(task(1, 1));
    queue.close();
    await virtual.advanceAsync(60_000);
    expect([order, queue.length]).toEqual([[0], 0]);
  });
});
