import { joinChunks, type MuxBatch } from '@sealane/mux';
import type { MessageLink } from '@sealane/types';

/** The frames of a batch as one message, by reference where the link can take them so. */
export function sendBatch(link: MessageLink, batch: MuxBatch, isLast: boolean): void {
  const { chunks, bytes } = batch;
  if (link.sendParts === undefined) link.send(joinChunks(chunks, bytes));
  else link.sendParts(chunks, bytes, isLast);
}
