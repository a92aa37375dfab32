import { MuxLimit } from '@sealane/types';
import type { MemoryBudget } from './memory-budget.js';
import { HEADROOM_BYTES } from './stream-handler.js';

/**
 * How many times its charge a held body may pin of the memory it lies in: loosely while little is held, since copies
 * cost time and bodies mostly leave at once, and tightly from an eighth of the budget on.
 */
const loosePinFactor = 4;
const tightPinFactor = 1.25;

/** The body itself, or a copy (with headroom) where holding it would keep much larger memory alive than is charged. */
export function ownBody(body: Uint8Array, budget: MemoryBudget): Uint8Array {
  const charge = body.length + MuxLimit.heldFrameOverheadBytes;
  const factor = budget.used * 8 < budget.limitBytes ? loosePinFactor : tightPinFactor;
  if (body.buffer.byteLength <= charge * factor) return body;
  const own = new Uint8Array(HEADROOM_BYTES + body.length);
  own.set(body, HEADROOM_BYTES);
  return own.subarray(HEADROOM_BYTES);
}
