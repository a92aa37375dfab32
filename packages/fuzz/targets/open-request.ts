import { decodeForward, decodeOpen, encodeForward, encodeOpen } from '@sealane/protocol';
import type { Target } from '../src/target.js';
import { protocolVectors } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';

const codes = ['ERR_PROTOCOL_MESSAGE', 'ERR_PROTOCOL_LIMIT'];

/** CONNECT and RESUME as a dialer sends them and as a relay forwards them. */
export const openRequestTarget: Target = {
  name: 'open-request',
  shape: { kind: 'msgpack', offset: 1 },
  maxBytes: 9_000,
  maxMemoryBytes: 65_536,
  seeds: () => protocolVectors('open', 'forward'),
  run(input) {
    const open = accepted(codes, () => decodeOpen(input));
    if (open !== undefined) assertSameBytes(encodeOpen(open), input, 'an OPEN has one encoding');
    const forward = accepted(codes, () => decodeForward(input));
    if (forward !== undefined) assertSameBytes(encodeForward(forward), input, 'a forwarded request has one encoding');
    assertRule(open === undefined || forward === undefined, "nobody takes the other direction's request");
  },
};
