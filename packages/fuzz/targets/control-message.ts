import { type ControlMessage, decodeMessage, encodeMessage } from '@sealane/protocol';
import { ProtocolSize } from '@sealane/types';
import { codecTarget } from '../src/codec-target.js';
import { protocolVectors } from '../src/vectors.js';
import { assertRule, outcome } from '../src/violation.js';

/** Every kind of control message, and the smaller limit before AUTH. */
export const controlMessageTarget = codecTarget<ControlMessage>({
  name: 'control-message',
  shape: { kind: 'msgpack', offset: 1 },
  maxBytes: 9_000,
  maxMemoryBytes: 65_536,
  codes: ['ERR_PROTOCOL_MESSAGE', 'ERR_PROTOCOL_LIMIT'],
  seeds: () => protocolVectors('message'),
  decode: (bytes) => decodeMessage(bytes),
  encode: encodeMessage,
  check(message, input) {
    const early = outcome(() => decodeMessage(input, ProtocolSize.PRE_AUTH));
    const isEarly = input.length <= ProtocolSize.PRE_AUTH;
    assertRule((early.code === undefined) === isEarly, 'before AUTH the size alone decides');
    assertRule(input.length <= ProtocolSize.CONTROL, 'no body is larger than 8,192 bytes');
    assertRule(message.kind === input[0], 'the kind is the first byte');
  },
});
