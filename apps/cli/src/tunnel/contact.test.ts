import { type Clock, SealaneError } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { Contact } from './contact.js';

/** Time that stands still until it is told. */
function createClock(): Clock & { run(): Promise<void> } {
  let now = 0;
  let timers: { at: number; callback: () => void }[] = [];
  return {
    nowMs: () => now,
    wallMs: () => now,
    schedule(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.push(timer);
      return { cancel: () => (timers = timers.filter((other) => other !== timer)) };
    },
    async run() {
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = timers.sort((a, b) => a.at - b.at);
      if (next === undefined) return;
      timers = timers.filter((other) => other !== next);
      now = next.at;
      next.callback();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function setup(outcomes: (SealaneError | undefined)[]) {
  const clock = createClock();
  const waits: number[] = [];
  let attempts = 0;
  const contact = new Contact({
    clock,
    random: () => 1,
    onWaiting: (_, retryInMs) => waits.push(retryInMs),
    attempt: async () => {
      attempts += 1;
      const outcome = outcomes.shift();
      if (outcome !== undefined) throw outcome;
    },
  });
  return { clock, contact, waits, attempts: () => attempts };
}

const absent = () => new SealaneError('ERR_RELAY_NO_OWNER');
const never = new AbortController().signal;

describe('contact with an owner', () => {
  it('makes one attempt for everybody who waits', async () => {
    const { contact, attempts } = setup([undefined]);
    await Promise.all([contact.reach(never), contact.reach(never), contact.reach(never)]);
    expect(attempts()).toBe(1);
  });

  it('tries again with growing waits while the owner is absent', async () => {
    const { contact, clock, waits } = setup([absent(), absent(), absent(), undefined]);
    const reached = contact.reach(never);
    for (let step = 0; step < 3; step += 1) await clock.run();
    await reached;
    expect(waits).toEqual([200, 400, 800]);
  });

  it('gives up at once when the owner refuses', async () => {
    const { contact, attempts } = setup([new SealaneError('ERR_E2EE_DENIED')]);
    await expect(contact.reach(never)).rejects.toMatchObject({ code: 'ERR_E2EE_DENIED' });
    expect(attempts()).toBe(1);
  });

  it('gives up after three answers that a damaged wire or another access secret may have caused', async () => {
    const damaged = () => new SealaneError('ERR_E2EE_DAMAGED');
    const { contact, clock, attempts } = setup([damaged(), damaged(), damaged()]);
    const reached = contact.reach(never);
    reached.catch(() => {});
    for (let step = 0; step < 3; step += 1) await clock.run();
    await expect(reached).rejects.toMatchObject({ code: 'ERR_E2EE_DAMAGED' });
    expect(attempts()).toBe(3);
  });

  it('lets one waiting caller go without ending the attempt for the others', async () => {
    const { contact, clock } = setup([absent(), undefined]);
    const controller = new AbortController();
    const [left, stays] = [contact.reach(controller.signal), contact.reach(never)];
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    await clock.run();
    await expect(stays).resolves.toBeUndefined();
  });

  it('stops trying when nobody waits any more', async () => {
    const { contact, clock, attempts } = setup([absent(), absent(), absent()]);
    const controller = new AbortController();
    const reached = contact.reach(controller.signal);
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('left'));
    await expect(reached).rejects.toThrow('left');
    await clock.run();
    await clock.run();
    expect(attempts()).toBe(1);
  });
});
