import { describe, expect, it } from 'vitest';
import { KeptBudget, type KeptOwner } from './kept-budget.js';

const sizes = { sharedBytes: 1_000, sessionBytes: 600, guaranteedBytes: 100, maxSessions: 3 };

function session(log: string[], name: string, isSuspended = false): KeptOwner {
  return { isSuspended, giveUp: () => log.push(`${name} gives up`), wake: () => log.push(`${name} wakes`) };
}

describe('KeptBudget', () => {
  it('gives each session its guarantee on top of what it takes from the shared part', () => {
    const budget = new KeptBudget(sizes);
    const [a, b] = [budget.reserve()!, budget.reserve()!];
    expect(a.roomBytes).toBe(700);
    a.charge(700);
    expect([a.roomBytes, a.sharedBytes, budget.sharedUsedBytes, b.roomBytes]).toEqual([0, 600, 600, 500]);
    b.charge(500);
    expect([budget.sharedLeftBytes, budget.reserve()!.roomBytes]).toEqual([0, 100]);
    a.charge(-700);
    expect([budget.sharedUsedBytes, a.roomBytes]).toEqual([400, 700]);
  });

  it('has so many places, and gives back what a closed account had', () => {
    const budget = new KeptBudget(sizes);
    const accounts = [budget.reserve()!, budget.reserve()!, budget.reserve()!];
    expect(budget.reserve()).toBeUndefined();
    accounts[0]!.charge(300);
    accounts[0]!.close();
    accounts[0]!.close();
    accounts[0]!.charge(50);
    expect([budget.sharedUsedBytes, budget.hasPlace]).toEqual([0, true]);
  });

  it('ends the suspended session with the most bytes when one that lives has no room, and wakes that one', () => {
    const budget = new KeptBudget(sizes);
    const log: string[] = [];
    const [living, small, large] = [budget.reserve()!, budget.reserve()!, budget.reserve()!];
    living.owner = session(log, 'living');
    small.owner = session(log, 'small', true);
    large.owner = { ...session(log, 'large', true), giveUp: () => large.close() };
    small.charge(450);
    large.charge(650);
    living.charge(200);
    expect(living.roomBytes).toBe(0);
    living.wait();
    expect([log, living.roomBytes]).toEqual([['living wakes'], 500]);
  });

  it.each([700, 680])(
    'ends nobody for a session that is at its own bound, or too close to it for a record: %i',
    (kept) => {
      const budget = new KeptBudget(sizes);
      const log: string[] = [];
      const [living, suspended] = [budget.reserve()!, budget.reserve()!];
      living.owner = session(log, 'living');
      suspended.owner = session(log, 'suspended', true);
      suspended.charge(300);
      living.charge(kept);
      living.wait();
      expect(log).toEqual([]);
    },
  );
});
