import type { MuxBatch } from '@sealane/mux';
import type { MessageLink } from '@sealane/types';

/** The frames of a batch as one message, by reference where the link can take them so. */
export function sendBatch(link: MessageLink, batch: MuxBatch): void {
  const { chunks, bytes } = batch;
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) {
    link.send(first);
  } else if (link.sendParts !== undefined) {
    link.sendParts(chunks, bytes);
  } else {
    const message = new Uint8Array(bytes);
    let offset = 0;
    for (const chunk of chunks) {
      message.set(chunk, offset);
      offset += chunk.length;
    }
    link.send(message);
  }
}
