import type { MemoryBudget } from './memory-budget.js';

/** What one mux has of the budget. With half of it new streams of its peer are BUSY, however little others hold. */
export class BudgetAccount {
  usedBytes = 0;
  readonly budget: MemoryBudget;

  constructor(budget: MemoryBudget) {
    this.budget = budget;
  }

  get refusesStreams(): boolean {
    return this.budget.refusesStreams || this.usedBytes * 2 >= this.budget.limitBytes;
  }

  take(bytes: number): void {
    this.usedBytes += bytes;
    this.budget.take(bytes);
  }

  release(bytes: number): void {
    this.usedBytes -= bytes;
    this.budget.release(bytes);
  }
}
