import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leaseKey } from './lease-key.js';

const identity = fc.uint8Array({ minLength: 32, maxLength: 32 });
// Also what stands in base64.
const service = fc.oneof(fc.constant(''), fc.stringMatching(/^[a-z0-9/=-]{0,20}$/));

test('a key is one of its identity and service, whatever was asked for before', () => {
  fc.assert(
    fc.property(identity, service, identity, service, (one, oneService, other, otherService) => {
      const key = leaseKey(one, oneService);
      const isSame = Buffer.compare(one, other) === 0 && oneService === otherService;
      expect(leaseKey(other, otherService) === key).toBe(isSame);
      expect(leaseKey(one, otherService) === key).toBe(oneService === otherService);
      expect(leaseKey(one.slice(), oneService)).toBe(key);
    }),
    { numRuns: 200 },
  );
});

test('an array that is filled anew does not get the key of what it held', () => {
  const bytes = new Uint8Array(32).fill(1);
  const before = leaseKey(bytes, '');
  bytes.fill(2);
  expect(leaseKey(bytes, '')).not.toBe(before);
});
