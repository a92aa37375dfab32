import { encodeStreamOpen, parseStreamOpen } from '@sealane/protocol';
import { codecTarget } from '../src/codec-target.js';
import { protocolVectors } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

/** The OPEN of a stream inside a session. */
export const streamOpenTarget = codecTarget({
  name: 'stream-open',
  shape: { kind: 'bytes' },
  maxBytes: 2_048,
  maxMemoryBytes: 65_536,
  codes: ['ERR_PROTOCOL_MESSAGE', 'ERR_PROTOCOL_LIMIT'],
  seeds: () => protocolVectors('stream-open'),
  decode: parseStreamOpen,
  encode: encodeStreamOpen,
  check({ label, metadata }) {
    assertRule(Buffer.byteLength(label) <= 63 && metadata.length <= 1_024, 'labels and metadata have limits');
    assertRule(!/\p{Cc}/u.test(label), 'labels have no control characters');
  },
});
