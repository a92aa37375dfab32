import { RecordReader } from '@sealane/crypto/e2ee';
import { chunkings } from '../src/chunks.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';

const maxPlaintext = 600;

/** Records cut out of a stream of bytes, in chunks of any size. */
export const recordReaderTarget: Target = {
  name: 'record-reader',
  shape: { kind: 'bytes' },
  maxBytes: 1_300,
  seeds: () => {
    const record = fromHex(`000011${'ab'.repeat(17)}`);
    const large = new Uint8Array(3 + 616);
    large.set([0, 2, 104]);
    return [record, new Uint8Array([...record, ...record, 0, 0, 18, 1]), large, fromHex('00001000'), fromHex('ffffff')];
  },
  run(input) {
    const [whole, ...others] = chunkings(input).map(read);
    for (const other of others) {
      assertSameBytes(other.records, whole!.records, 'chunks change nothing');
      assertRule(other.isBroken === whole!.isBroken, 'chunks decide whether it breaks');
    }
    if (!whole!.isBroken) {
      assertSameBytes(whole!.records, input.subarray(0, whole!.records.length), 'the records are the input');
      assertRule(input.length - whole!.records.length < 3 + maxPlaintext + 16, 'what waits is less than one record');
    }
  },
};

function read(chunks: readonly Uint8Array[]): { readonly records: Uint8Array; readonly isBroken: boolean } {
  const reader = new RecordReader(maxPlaintext);
  const parts: Uint8Array[] = [];
  let isBroken = false;
  for (const chunk of chunks) {
    const records = accepted(['ERR_E2EE_INTEGRITY'], () => reader.push(chunk));
    assertRule(!isBroken || records === undefined, 'nothing comes after a length that no record has');
    if (records === undefined) continue;
    for (const record of records) {
      if (record.length === 0) isBroken = true;
      else parts.push(Uint8Array.of(0, record.length >>> 8, record.length), record);
    }
    assertRule(reader.bufferedBytes <= 3 + maxPlaintext + 16, 'it holds at most one record');
  }
  return { records: Buffer.concat(parts), isBroken };
}
