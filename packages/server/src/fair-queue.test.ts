import { VirtualClock } from '@sealane/testkit';
import type { Clock } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.js';

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

describe('the work of strangers', () => {
  it('runs at once while there is little to do', () => {
    const { clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.25);
    for (let number = 0; number < 20; number++) queue.submit(task(number, 0.09));
    expect([order.length, queue.length]).toEqual([20, 0]);
  });

  it('has two milliseconds of one turn of the event loop, however much comes while nothing waits', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.9);
    const turns: number[] = [];
    // Each turn as much comes as ten turns can do: what is forwarded is among what is ready in it.
    for (let turn = 0; turn < 10; turn++) {
      const before = order.length;
      for (let number = 0; number < 40; number++) queue.submit(task(number, 0.5));
      await virtual.advanceAsync(1);
      turns.push(order.length - before);
    }
    // Those that run at once in the first one, and after it as many again.
    expect(turns.slice(0, 2)).toEqual([8, 4]);
    expect(Math.max(...turns.slice(1))).toBe(4);
  });

  it('has less of a turn in which something was done that could not wait', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.9);
    queue.measure(task(0, 1.6));
    for (let number = 1; number <= 3; number++) queue.submit(task(number, 0.5));
    expect([order, queue.isOverShare]).toEqual([[0, 1], false]);
    await virtual.advanceAsync(1);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('takes no more than their share of a core, in order, and none is lost', async () => {
    const { virtual, clock, order, task, spentMs } = createWork();
    const queue = new FairQueue(clock, 0.25);
    for (let number = 0; number < 2_000; number++) queue.submit(task(number, 2));
    const startMs = clock.nowMs();
    await virtual.advanceAsync(4_000);
    const elapsedMs = clock.nowMs() - startMs;
    // Beside the first 25 ms, which may be taken at once.
    expect(spentMs()).toBeLessThanOrEqual(25 + 25 + elapsedMs * 0.25);
    expect(spentMs()).toBeGreaterThan(1_000);
    await virtual.advanceAsync(60_000);
    expect(order).toEqual(Array.from({ length: 2_000 }, (_, number) => number));
  });

  it('is done by turns among groups: who asks for one thing waits for one of each other, not for all of them', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.25);
    queue.submit(task(0, 1_000));
    for (let number = 100; number < 400; number++) queue.submit(task(number, 1), `flood ${number % 3}`);
    queue.submit(task(1, 1), 'honest');
    expect([queue.waitingOf('flood 0'), queue.waitingOf('honest')]).toEqual([100, 1]);
    await virtual.advanceAsync(60_000);
    expect(order.indexOf(1)).toBeLessThanOrEqual(4);
    expect(order).toHaveLength(302);
    const ofOne = order.filter((number) => number >= 100 && number % 3 === 0);
    expect(ofOne).toEqual(Array.from({ length: 100 }, (_, index) => 102 + 3 * index));
  });

  it('counts in its turn what it costs beside its time', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.25, { extraMs: 0.5 });
    const turns: number[] = [];
    for (let number = 0; number < 40; number++) queue.submit(task(number, 0));
    turns.push(order.length);
    for (let turn = 0; turn < 5; turn++) {
      const before = order.length;
      await virtual.advanceAsync(1);
      turns.push(order.length - before);
    }
    expect(turns).toEqual([4, 4, 4, 4, 4, 4]);
  });

  it('stops after two milliseconds also where a share was lifted, so that what is forwarded has its turn', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.9);
    queue.submit(task(0, 100));
    for (let number = 1; number <= 40; number++) queue.submit(task(number, 0.5));
    const turns: number[] = [];
    // There is room for all of them.
    queue.setShare(1);
    while (queue.length > 0) {
      const before = order.length;
      await virtual.advanceAsync(1);
      turns.push(order.length - before);
    }
    expect(Math.max(...turns)).toBe(4);
  });

  it('is charged for what it costs beside its time', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.25, { extraMs: 1 });
    for (let number = 0; number < 1_000; number++) queue.submit(task(number, 0));
    await virtual.advanceAsync(1_000);
    expect(order.length).toBeLessThanOrEqual(25 + 1 + 250);
  });

  it('goes on when one of it fails', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.25);
    queue.submit(task(0, 1_000));
    queue.submit(() => {
      throw new Error('a defect');
    });
    queue.submit(task(1, 1));
    await expect(virtual.advanceAsync(60_000)).rejects.toThrow('a defect');
    await virtual.advanceAsync(60_000);
    expect(order).toEqual([0, 1]);
  });

  it('is not done for a socket that went meanwhile', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.25);
    queue.submit(task(0, 1_000));
    const cancel = queue.submit(task(1, 1));
    queue.submit(task(2, 1));
    cancel();
    await virtual.advanceAsync(60_000);
    expect([order, queue.length]).toEqual([[0, 2], 0]);
  });

  it('ends with the relay', async () => {
    const { virtual, clock, order, task } = createWork();
    const queue = new FairQueue(clock, 0.25);
    queue.submit(task(0, 1_000));
    queue.submit(task(1, 1));
    queue.close();
    await virtual.advanceAsync(60_000);
    expect([order, queue.length]).toEqual([[0], 0]);
  });
});
