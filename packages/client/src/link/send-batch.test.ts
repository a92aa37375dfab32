import { encodeFrame, forEachFrame } from '@sealane/protocol';
import { describe, expect, it } from 'vitest';
import { sendBatch } from './send-batch.js';

const frame = (bytes: number): Uint8Array => encodeFrame(0, 0, 1, new Uint8Array(bytes).fill(bytes));
const limits = { maxDataBytes: 70_000, maxOpenBytes: 0, maxMessageBytes: 0 };

function send(chunks: Uint8Array[]): Uint8Array[] {
  const messages: Uint8Array[] = [];
  sendBatch(chunks, (message) => messages.push(message));
  for (const message of messages) forEachFrame(message, limits, () => undefined);
  return messages;
}

describe('sendBatch', () => {
  it('puts small frames into one message and gives a large one by reference', () => {
    const large = frame(40_000);
    const messages = send([frame(10), frame(20), large, frame(30), frame(5)]);
    expect(messages.map((message) => message.length)).toEqual([48, 40_009, 53]);
    expect(messages[1]).toBe(large);
  });

  it('keeps a header with the body in the chunk after it', () => {
    const whole = frame(30_000);
    const messages = send([frame(4), whole.subarray(0, 9), whole.subarray(9), frame(8)]);
    expect(messages.map((message) => message.length)).toEqual([13 + 30_009 + 17]);
  });

  it('sends everything together where frames cannot be told apart', () => {
    const several = Buffer.concat([frame(3), frame(4)]);
    const large = frame(20_000);
    expect(send([several, large]).map((message) => message.length)).toEqual([several.length + large.length]);
  });

  it('keeps every byte in order', () => {
    const chunks = [frame(1), frame(17_000), frame(2), frame(18_000), frame(3)];
    expect(Buffer.concat(send(chunks))).toEqual(Buffer.concat(chunks));
  });
});
