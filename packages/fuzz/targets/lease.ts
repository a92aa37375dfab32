import { decodeLease, encodeLease } from '@sealane/protocol';
import { isService } from '@sealane/types';
import { codecTarget } from '../src/codec-target.js';
import { protocolVectors } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

export const leaseTarget = codecTarget({
  name: 'lease',
  shape: { kind: 'msgpack', offset: 0 },
  maxBytes: 9_000,
  maxMemoryBytes: 65_536,
  codes: ['ERR_PROTOCOL_MESSAGE', 'ERR_PROTOCOL_LIMIT'],
  seeds: () => protocolVectors('lease'),
  decode: decodeLease,
  encode: encodeLease,
  check(lease) {
    assertRule(isService(lease.service), 'a lease has a service');
    assertRule(lease.metadata.length <= 4_096 && lease.suites.length >= 1, 'a lease keeps its limits');
    assertRule(lease.keycert.length === 132 && lease.audience.length === 32, 'fixed fields have their length');
  },
});
