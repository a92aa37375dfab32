import { VirtualClock } from '@sealane/testkit';
import { SealaneError } from '@sealane/types';
import { describe, expect, it, vi } from 'vitest';
import { KeptBudget } from './kept-budget.js';
import { PathRecovery } from './path-recovery.js';

const cause = new SealaneError('ERR_E2EE_TRUNCATED');

function setup(giveUpMs = 60_000) {
  const clock = new VirtualClock();
  const onOverdue = vi.fn();
  const recovery = new PathRecovery({
    clock,
    account: new KeptBudget().reserve()!,
    giveUpMs: () => giveUpMs,
    onOverdue,
  });
  return { clock, onOverdue, recovery };
}

describe('PathRecovery', () => {
  it('gives up after the time without a path, and not before', () => {
    const { clock, onOverdue, recovery } = setup();
    expect([recovery.suspend(cause), recovery.suspend(cause)]).toEqual([true, false]);
    clock.advance(59_000);
    expect(onOverdue).not.toHaveBeenCalled();
    clock.advance(2_000);
    expect(onOverdue).toHaveBeenCalledTimes(1);
  });

  it('does not start the time anew for a path on which nothing comes', () => {
    const { clock, recovery } = setup();
    for (let round = 0; round < 5; round++) {
      recovery.suspend(cause);
      clock.advance(1_000);
      expect(recovery.resume()).toBe(1_000);
      clock.advance(10_000);
    }
    expect(recovery.isOverdue).toBe(false);
    recovery.suspend(cause);
    clock.advance(5_000);
    expect(recovery.isOverdue).toBe(true);
  });

  it('starts the time anew when a record opened or an ack moved, but not while there is no path', () => {
    const { clock, recovery } = setup();
    recovery.suspend(cause);
    clock.advance(50_000);
    recovery.progress();
    expect(recovery.resume()).toBe(50_000);
    clock.advance(5_000);
    expect(recovery.isOverdue).toBe(false);
    recovery.progress();
    clock.advance(60_000);
    expect(recovery.isOverdue).toBe(false);
  });

  it('counts the time of a machine that slept: the larger of both clocks', () => {
    const { clock, onOverdue, recovery } = setup();
    recovery.suspend(cause);
    clock.jumpWall(120_000);
    clock.advance(1_000);
    expect(onOverdue).toHaveBeenCalledTimes(1);
  });

  it('takes two damaged records as bad luck, and the third as intent', () => {
    const { recovery } = setup();
    expect([recovery.damage(), recovery.damage(), recovery.damage()]).toEqual([false, false, true]);
  });
});
