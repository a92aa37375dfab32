import { decodeStrict, encodeStrict } from '@sealane/protocol';
import { codecTarget } from '../src/codec-target.js';
import { fromHex, protocolVectors } from '../src/vectors.js';

/** The subset of MessagePack that everything else is built of. */
export const strictMsgpackTarget = codecTarget({
  name: 'strict-msgpack',
  shape: { kind: 'msgpack', offset: 0 },
  maxBytes: 9_000,
  maxMemoryBytes: 65_536,
  codes: ['ERR_PROTOCOL_MESSAGE', 'ERR_PROTOCOL_LIMIT'],
  seeds: () => [
    ...protocolVectors('message', 'open', 'forward').map((bytes) => bytes.subarray(1)),
    ...['c0', '00', 'cf001fffffffffffff', 'a3e282ac', 'dc001000000000000000000000000000000000', '9191919191c0'].map(
      fromHex,
    ),
    ...['dd7fffffff', 'c6ffffffff', 'dbffffffff', 'df7fffffff', 'c9ffffffff00'].map(fromHex),
  ],
  decode: (bytes) => decodeStrict(bytes),
  encode: encodeStrict,
});
