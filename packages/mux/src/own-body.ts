import { MuxLimit } from '@sealane/types';
import type { MemoryBudget } from './memory-budget.js';

/**
 * The body itself, or a copy where holding it would keep much larger memory alive than is charged: loosely while little is
 * held, since copies cost time and bodies mostly leave at once. All together pin no more than 1.6 times the budget:
 * 16/64 + 3.5 * 3/64 + 1.25 * 15/16.
 */
export function ownBody(body: Uint8Array, { used, limitBytes }: MemoryBudget): Uint8Array {
  const part = used / limitBytes;
  const mayPin = part < 1 / 64 ? 16 : part < 1 / 16 ? 3.5 : 1.25;
  return body.buffer.byteLength <= (body.length + MuxLimit.heldFrameOverheadBytes) * mayPin ? body : body.slice();
}
