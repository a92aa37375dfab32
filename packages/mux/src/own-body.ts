import { MuxLimit } from '@sealane/types';
import type { MemoryBudget } from './memory-budget.js';

/**
 * How many times its charge a held body may pin of the memory it lies in: loosely while little is held, since copies
 * cost time and bodies mostly leave at once, and tightly from an eighth of the budget on.
 */
const loosePinFactor = 4;
const tightPinFactor = 1.25;

/** The body itself, or a copy where holding it would keep much larger memory alive than is charged. */
export function ownBody(body: Uint8Array, budget: MemoryBudget): Uint8Array {
  const charge = body.length + MuxLimit.heldFrameOverheadBytes;
  const factor = budget.used * 8 < budget.limitBytes ? loosePinFactor : tightPinFactor;
  if (body.buffer.byteLength <= charge * factor) return body;
  return body.slice();
}
