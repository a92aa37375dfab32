import { MemoryBudget } from '@sealane/mux';
import { describe, expect, it } from 'vitest';
import { type SocketHolder, SocketMemory } from './socket-memory.js';

describe('the memory of sockets', () => {
  it('counts in the budget and drops the socket that stood still for longest', () => {
    const budget = new MemoryBudget(1_000);
    const memory = new SocketMemory(500, budget);
    const dropped: string[] = [];
    const holder = (name: string): SocketHolder => ({
      heldBytes: 0,
      before: undefined,
      after: undefined,
      drop: () => dropped.push(name),
    });
    const [slow, busy, large] = [holder('slow'), holder('busy'), holder('large')];
    memory.change(busy, 200);
    memory.change(slow, 200);
    memory.progress(busy);
    expect([budget.used, dropped]).toEqual([400, []]);
    memory.change(large, 300);
    expect([budget.used, dropped]).toEqual([500, ['slow']]);
    memory.change(busy, -200);
    memory.forget(large);
    memory.forget(slow);
    expect([budget.used, memory.usedBytes]).toEqual([0, 0]);
  });
});
