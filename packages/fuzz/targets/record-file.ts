import { isDeepStrictEqual } from 'node:util';
import { compactRecords, foldRecords, type PeerRecord, parseRecord } from '../../../apps/cli/src/peers/record.js';
import ids from '../../crypto/vectors/ids.json' with { type: 'json' };
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

const [first, second] = ids.valid.map(({ id }) => id);
const pin = { relay: first, name: 'my-box', id: second, service: 'web', at: 1 };
const records = [
  { kind: 'pin', ...pin },
  { kind: 'pin', ...pin, id: first },
  { kind: 'seen', ...pin, id: first },
  { kind: 'accept', ...pin, id: first },
  { kind: 'keycert', id: first, epoch: 3, keycert: Buffer.alloc(132, 1).toString('base64'), at: 2 },
  { kind: 'keycert', id: first, epoch: 2, keycert: Buffer.alloc(132, 2).toString('base64'), at: 2 },
  { kind: 'forget', relay: first, name: 'my-box', at: 3 },
  { kind: 'forget-id', id: first, at: 3 },
];
const file = (...indices: number[]): Uint8Array =>
  fromText(indices.map((index) => `${JSON.stringify(records[index])}\n`).join(''));

/** The known-peers file: damaged lines are left out, and what the rest means survives compaction. */
export const recordFileTarget: Target = {
  name: 'record-file',
  shape: { kind: 'text' },
  maxBytes: 2_048,
  dictionary: ['"kind":"', '"__proto__":', ...records.map(({ kind }) => kind)].map(fromText),
  seeds: () => [file(0), file(0, 1), file(0, 2, 3), file(4, 5), file(0, 6), file(4, 7), file(0, 1, 2, 3, 4, 5, 6, 7)],
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const parsed = text
      .split('\n')
      .map(parseRecord)
      .filter((record) => record !== undefined);
    const state = foldRecords(parsed);
    const lines = compactRecords(state).map((record) => JSON.stringify(record));
    const again = foldRecords(lines.map((line) => parseRecord(line) as PeerRecord));
    assertRule(isDeepStrictEqual(again, state), 'compaction changes nothing');
    assertRule(lines.length <= parsed.length, 'compaction adds nothing');
    for (const known of state.keycerts.values()) assertRule(known.bytes.length === 132, 'a keycert has its length');
  },
};
