import { encodeHandshakeMessage, HandshakeReader } from '@sealane/protocol';
import { chunkings } from '../src/chunks.js';
import type { Target } from '../src/target.js';
import { fromHex, protocolVectors } from '../src/vectors.js';
import { assertRule, assertSameBytes, outcome } from '../src/violation.js';

/** The handshake message at the start of a stream, in chunks of any size. */
export const handshakeReaderTarget: Target = {
  name: 'handshake-reader',
  shape: { kind: 'bytes' },
  maxBytes: 4_200,
  seeds: () => [
    ...protocolVectors('handshake'),
    ...['000001aa', '000002aabbcc', '001000', '001001', '000000'].map(fromHex),
  ],
  run(input) {
    const [whole, ...others] = chunkings(input).map((chunks) => outcome(() => read(chunks)));
    for (const other of others) {
      assertRule(whole?.code === other.code, `chunks decide over the code: ${whole?.code} and ${other.code}`);
      if (whole?.value === undefined || other.value === undefined) {
        assertRule(whole?.value === other.value, 'chunks decide whether a message is whole');
      } else {
        assertSameBytes(other.value, whole.value, 'chunks change nothing');
      }
    }
    if (whole?.value === undefined) return;
    assertSameBytes(whole.value, input, 'the message and what follows it are the input');
  },
};

/** The message encoded again with what followed it; undefined while it is not whole. */
function read(chunks: readonly Uint8Array[]): Uint8Array | undefined {
  const reader = new HandshakeReader();
  for (const [index, chunk] of chunks.entries()) {
    const result = reader.push(chunk);
    assertRule(reader.bufferedBytes <= 4_099, 'it holds at most one message');
    if (result === undefined) continue;
    assertRule(outcome(() => reader.push(chunk)).code !== undefined, 'after the message nothing is taken');
    return new Uint8Array(
      Buffer.concat([encodeHandshakeMessage(result.message), result.rest, ...chunks.slice(index + 1)]),
    );
  }
  return undefined;
}
