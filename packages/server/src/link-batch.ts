import type { MuxBatch } from '@sealane/mux';

/** The frames of a batch as one message; a single frame with its header in place is not copied. */
export function joinBatch(batch: MuxBatch): Uint8Array {
  const [first] = batch.chunks;
  if (batch.chunks.length === 1 && first !== undefined) return first;
  const memory = Buffer.allocUnsafe(batch.bytes);
  const message = new Uint8Array(memory.buffer, memory.byteOffset, batch.bytes);
  let offset = 0;
  for (const chunk of batch.chunks) {
    message.set(chunk, offset);
    offset += chunk.length;
  }
  return message;
}
