import { EventEmitter } from 'node:events';
import { seededRandom } from '@sealane/testkit';
import type { Clock, Timer } from '@sealane/types';
import { describe, expect, test } from 'vitest';
import { FairQueue } from '../src/fair-queue.js';
import { resolveLimits } from '../src/limits.js';
import { BanList } from '../src/policy/ban-list.js';
import { TrustedProxies } from '../src/policy/trusted-proxies.js';
import { UsageTable } from '../src/policy/usage-table.js';
import { Reporter } from '../src/refusals.js';
import { SocketLimits } from '../src/socket-limits.js';

/** One process under virtual time that does one thing after the other, each of which takes time. */
class BusyProcess implements Clock {
  #nowMs = 0;
  /** By the millisecond in which they are due. */
  readonly #due = new Map<number, (() => void)[]>();
  #lastMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): Timer {
    let isCancelled = false;
    const atMs = Math.ceil(this.#nowMs + Math.max(0, delayMs));
    const event = (): void => {
      if (!isCancelled) run();
    };
    const others = this.#due.get(atMs);
    if (others === undefined) this.#due.set(atMs, [event]);
    else others.push(event);
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  }

  /** Work of this process. */
  spend(ms: number): void {
    this.#nowMs += ms;
  }

  /** What is due while something else runs waits for its turn. */
  runUntil(endMs: number, isDone: () => boolean): void {
    for (; this.#lastMs < endMs && !isDone(); this.#lastMs++) {
      const events = this.#due.get(this.#lastMs) ?? [];
      // One that is due at once comes after those that are there.
      for (const event of events) {
        this.#nowMs = Math.max(this.#nowMs, this.#lastMs);
        event();
      }
      this.#due.delete(this.#lastMs);
    }
  }
}

class ModelSocket extends EventEmitter {
  readonly remoteAddress = '127.0.0.1';
  destroyed = false;

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

interface Machine {
  /** Milliseconds for a new WebSocket and its HELLO beside accepting its socket, and for a signature. */
  readonly helloMs: number;
  readonly checkMs: number;
}

const acceptMs = 0.05;

/** `count` clients lose their links at once and come back, each waiting up to a second between attempts. */
async function comeBack(count: number, { helloMs, checkMs }: Machine) {
  const clock = new BusyProcess();
  const limits = resolveLimits();
  const random = seededRandom(7);
  const sockets = new SocketLimits({
    limits,
    clock,
    reporter: new Reporter(undefined),
    addresses: new UsageTable('address', limits, clock),
    rules: new TrustedProxies([]),
    bans: await BanList.load(clock),
    pick: (count) => random.int(0, count - 1),
  });
  const arrivals = new FairQueue(clock, limits.arrivalCpuShare);
  const queue = new FairQueue(clock, limits.authCpuShare);
  const tripMs = 20;
  const found = { back: 0, attempts: 0, checks: 0, lastMs: 0, longestLine: 0 };
  const attempt = (): void => {
    found.attempts++;
    const socket = new ModelSocket();
    let isUp = false;
    let hasGivenUp = false;
    const deadline = clock.schedule(limits.authTimeoutMs, () => {
      hasGivenUp = true;
      socket.destroy();
    });
    socket.once('close', () => {
      deadline.cancel();
      if (!isUp) clock.schedule(tripMs + random.int(0, 1_000), attempt);
    });
    clock.spend(acceptMs);
    sockets.admit(socket);
    let cancel = (): void => undefined;
    socket.once('close', () => cancel());
    const onAuth = (): void => {
      if (socket.destroyed) return;
      let isChecked = false;
      const leave = queue.submit(() => {
        isChecked = true;
        clock.spend(checkMs);
        found.checks++;
        sockets.authenticated(socket);
        clock.schedule(tripMs, () => {
          if (hasGivenUp) return;
          isUp = true;
          deadline.cancel();
          found.back++;
          found.lastMs = clock.nowMs();
        });
      });
      if (isChecked) return;
      cancel = leave;
      found.longestLine = Math.max(found.longestLine, queue.length);
    };
    const leave = arrivals.submit(() => {
      clock.spend(helloMs);
      clock.schedule(2 * tripMs, onAuth);
    });
    socket.once('close', leave);
  };
  const sweep = (): void => {
    sockets.sweep();
    clock.schedule(1_000, sweep);
  };
  sweep();
  for (let client = 0; client < count; client++) clock.schedule(random.int(0, 200), attempt);
  clock.runUntil(180_000, () => found.back === count);
  return found;
}

describe('clients that lost their links at once', () => {
  test.each([0.2, 1])('come back with one attempt each where a check takes %d ms', async (checkMs) => {
    const { back, attempts, checks, lastMs } = await comeBack(2_000, { helloMs: 0.3, checkMs });
    expect([back, attempts, checks]).toEqual([2_000, 2_000, 2_000]);
    // Checks have half a core.
    expect(lastMs).toBeLessThan(2_000 * checkMs * 2 + 2_000);
  });

  test('come back as fast as they can be checked where the line is longer than their patience', async () => {
    const checkMs = 3.2;
    const { back, checks, lastMs, longestLine } = await comeBack(4_000, { helloMs: 0.3, checkMs });
    expect(back).toBe(4_000);
    expect(longestLine * checkMs * 2).toBeGreaterThan(10_000);
    // Some are checked in vain, since they gave up meanwhile: few, or nobody would ever be back.
    expect(checks).toBeLessThan(4_000 * 1.25);
    expect(lastMs).toBeLessThan(4_000 * checkMs * 2 * 1.5);
  });
});
