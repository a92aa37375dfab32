import { FRAME_HEADER_BYTES } from '@sealane/types';

/** From here on the copy into a shared message costs more than a message of its own. */
const LARGE_FRAME_BYTES = 16_384;

/**
 * Gives the frames of a batch to `send`: small ones together, each large one that lies whole in one chunk by
 * reference. Every message holds whole frames.
 */
export function sendBatch(chunks: readonly Uint8Array[], send: (message: Uint8Array) => void): void {
  let start = 0;
  for (let index = 0; index < chunks.length; ) {
    const chunk = chunks[index]!;
    const body = frameBodyLength(chunk);
    if (chunk.length === FRAME_HEADER_BYTES + body) {
      if (chunk.length >= LARGE_FRAME_BYTES) {
        sendJoined(chunks, start, index, send);
        send(chunk);
        start = index + 1;
      }
      index += 1;
    } else if (chunk.length === FRAME_HEADER_BYTES && chunks[index + 1]?.length === body) {
      index += 2;
    } else {
      // Several frames in one chunk: where the next one starts cannot be told, so the rest goes together.
      break;
    }
  }
  sendJoined(chunks, start, chunks.length, send);
}

function frameBodyLength(chunk: Uint8Array): number {
  return chunk.length < FRAME_HEADER_BYTES ? -1 : (chunk[6]! << 16) | (chunk[7]! << 8) | chunk[8]!;
}

function sendJoined(
  chunks: readonly Uint8Array[],
  start: number,
  end: number,
  send: (message: Uint8Array) => void,
): void {
  if (start >= end) return;
  if (end - start === 1) {
    send(chunks[start]!);
    return;
  }
  let length = 0;
  for (let index = start; index < end; index++) length += chunks[index]!.length;
  const message = new Uint8Array(length);
  let offset = 0;
  for (let index = start; index < end; index++) {
    message.set(chunks[index]!, offset);
    offset += chunks[index]!.length;
  }
  send(message);
}
