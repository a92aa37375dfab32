import { EarlyData } from '../../server/src/early-data.js';
import { MessageProgress } from '../../server/src/message-progress.js';
import { chunkings } from '../src/chunks.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { assertRule, assertSameBytes } from '../src/violation.js';

/** What the relay follows of a WebSocket's own frames, and data that came before an answer, in chunks of any size. */
export const messageProgressTarget: Target = {
  name: 'message-progress',
  shape: { kind: 'bytes' },
  maxBytes: 900,
  seeds: () =>
    [
      '8285000000000102030405',
      '0283000000000102038080 00000000',
      '827e00050102030405',
      '827f00000000000000020102',
      '89000203aabbcc80 0101',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  run(input) {
    for (const chunks of chunkings(input)) {
      const progress = new MessageProgress();
      const early = new EarlyData();
      let all = 0;
      for (const chunk of chunks) {
        progress.push(chunk);
        all += chunk.length;
        assertRule(progress.heldBytes >= 0 && progress.heldBytes <= all, 'no more is held than came');
        assertRule(progress.reads >= 0 && (progress.reads === 0) === (progress.heldBytes === 0), 'reads hold bytes');
        early.push(chunk);
      }
      assertSameBytes(Buffer.concat(early.take()), input, 'early data keeps its order');
      assertRule(early.take().length === 0, 'early data is taken once');
    }
  },
};
