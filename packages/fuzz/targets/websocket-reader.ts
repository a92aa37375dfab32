import { WebSocketReader } from '@sealane/protocol/websocket';
import { EarlyData } from '../../server/src/early-data.js';
import { chunkings } from '../src/chunks.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { assertRule, assertSameBytes } from '../src/violation.js';

const maxMessageBytes = 300;
const maxReads = 400;

/** The frames of a WebSocket, from a client and from a server, and data that came before an answer, in chunks of any size. */
export const webSocketReaderTarget: Target = {
  name: 'websocket-reader',
  shape: { kind: 'bytes' },
  maxBytes: 900,
  seeds: () =>
    [
      '8285000000000102030405',
      '0283000000000102038080 00000000',
      '827e00050102030405',
      '827f00000000000000020102',
      '89000203aabbcc80 0101',
      '8285010203040102030405 8980aabbccdd 8882aabbccdd a955',
      '880203e9 820101',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  run(input) {
    for (const expectsMask of [true, false]) {
      const [whole, ...others] = chunkings(input).map((chunks) => read(chunks, expectsMask));
      // A message in too many reads is refused, and only the smallest chunks make so many.
      for (const other of others) {
        if (!other!.includes('violation 1008')) assertRule(other === whole, 'chunks change nothing');
      }
    }
    for (const chunks of chunkings(input)) {
      const early = new EarlyData();
      for (const chunk of chunks) early.push(chunk);
      assertSameBytes(Buffer.concat(early.take()), input, 'early data keeps its order');
      assertRule(early.take().length === 0, 'early data is taken once');
    }
  },
};

function read(chunks: readonly Uint8Array[], expectsMask: boolean): string {
  const seen: string[] = [];
  let isOver = false;
  const note = (line: string): void => {
    assertRule(!isOver, 'nothing comes after a close or a violation');
    seen.push(line);
  };
  const reader = new WebSocketReader(
    { expectsMask, maxMessageBytes, maxFragments: 8, maxReads },
    {
      onMessage: (parts, bytes) => {
        assertRule(bytes <= maxMessageBytes, 'a message has its limit');
        assertRule(
          parts.every(({ length }) => length > 0),
          'no part is empty',
        );
        const message = Buffer.concat(parts);
        assertRule(message.length === bytes, 'a message is as long as its parts');
        note(`message ${message.toString('hex')}`);
      },
      onPing: (payload) => {
        assertRule(payload.length <= 125, 'a ping has its limit');
        note(`ping ${Buffer.from(payload).toString('hex')}`);
      },
      onClose: (code, reason) => {
        note(`close ${code} ${reason}`);
        isOver = true;
      },
      onViolation: (code) => {
        note(`violation ${code}`);
        isOver = true;
      },
    },
  );
  let all = 0;
  for (const chunk of chunks) {
    all += chunk.length;
    reader.push(chunk.slice());
    assertRule(reader.heldBytes >= 0 && reader.heldBytes <= all, 'no more is held than came');
    assertRule((reader.heldReads === 0) === (reader.heldBytes === 0), 'reads hold bytes');
    assertRule(reader.heldReads <= maxReads, 'reads have their limit');
  }
  return seen.join('\n');
}
