import { encodeGoAway, parseGoAway } from '@sealane/protocol';
import { codecTarget } from '../src/codec-target.js';
import { protocolVectors } from '../src/vectors.js';

export const goAwayTarget = codecTarget({
  name: 'goaway',
  shape: { kind: 'bytes' },
  maxBytes: 300,
  maxMemoryBytes: 65_536,
  codes: ['ERR_PROTOCOL_FRAME'],
  seeds: () => protocolVectors('goaway'),
  decode: parseGoAway,
  encode: encodeGoAway,
});
