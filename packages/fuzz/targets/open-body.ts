import { encodeOpenBody, splitOpenBody } from '@sealane/protocol';
import { codecTarget } from '../src/codec-target.js';
import { fromHex } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

/** `u16 length | OPEN body | data` of a DATA frame that opens a stream. */
export const openBodyTarget = codecTarget({
  name: 'open-body',
  shape: { kind: 'bytes' },
  maxBytes: 4_096,
  maxMemoryBytes: 65_536,
  codes: ['ERR_PROTOCOL_FRAME', 'ERR_PROTOCOL_LIMIT'],
  seeds: () => ['0000', '0001aa', '0002aabbcc', '04000102'].map(fromHex),
  decode: (bytes) => splitOpenBody(bytes, 1_024),
  encode: ({ open, data }) => encodeOpenBody(open, data),
  check: ({ open }) => assertRule(open.length <= 1_024, 'an OPEN body stays within its limit'),
});
