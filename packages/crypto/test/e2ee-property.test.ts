import { Suite } from '@sealane/types';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMessage1Payload } from '../src/e2ee/handshake/message1-payload.js';
import { parseMessage2Payload } from '../src/e2ee/handshake/message2-payload.js';
import { NoiseHandshake, parseAbort, parseFrames, parsePattern } from '../src/e2ee/index.js';
import { x25519KeyPair } from '../src/primitives/index.js';
import { codeOf, createDialer, createPair, openOwner } from './e2ee-pair.js';

const isNamed = /^(none|ERR_[A-Z0-9_]+)$/;
const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 5_000 }), fc.uint8Array({ maxLength: 40 }));
const suite = fc.constantFrom(Suite.HYBRID, Suite.CLASSICAL);

/** Bytes that get past the outer length checks. */
const message1 = fc
  .tuple(suite, fc.constantFrom(1, 2), fc.uint8Array({ minLength: 352, maxLength: 352 }))
  .map(([number, epoch, rest]) => Uint8Array.of(number, 0, 0, 0, epoch, ...rest));

test('any bytes as message 1 end in a named error', () => {
  fc.assert(
    fc.property(fc.oneof(anyBytes, message1), (bytes) => {
      const code = codeOf(() => openOwner(bytes, new Uint8Array(16), { suites: [Suite.HYBRID, Suite.CLASSICAL] }));
      expect(code).toMatch(/^ERR_E2EE_(HANDSHAKE|SUITE|EPOCH)$/);
    }),
  );
});

test('any bytes as message 2 end in a named error', () => {
  fc.assert(
    fc.property(anyBytes, suite, (bytes, number) => {
      const dialer = createDialer({ suites: [number] });
      dialer.createMessage1();
      expect(codeOf(() => dialer.readMessage2(bytes))).toMatch(/^ERR_E2EE_(DAMAGED|SUITE)$/);
    }),
    { numRuns: 50 },
  );
});

test('any bytes as a payload that opened end in a named error', () => {
  const padded = fc.uint8Array({ minLength: 512, maxLength: 512 });
  fc.assert(
    fc.property(fc.oneof(anyBytes, padded), suite, (bytes, number) => {
      expect(codeOf(() => parseMessage1Payload(bytes, number))).toMatch(isNamed);
      expect(codeOf(() => parseMessage2Payload(bytes))).toMatch(isNamed);
      expect(codeOf(() => parseFrames(bytes))).toMatch(isNamed);
      expect(codeOf(() => parseAbort(bytes))).toMatch(isNamed);
    }),
  );
});

test('any bytes as a record or RESUME end in a named error', () => {
  const keys = createPair().owner;
  const opener = keys.createOpener(66_048);
  fc.assert(
    fc.property(anyBytes, fc.integer(), (bytes, number) => {
      expect(codeOf(() => opener.open(bytes))).toBe('ERR_E2EE_INTEGRITY');
      expect(codeOf(() => keys.openResume(number, bytes))).toBe('ERR_E2EE_INTEGRITY');
    }),
  );
});

test('any bytes as a Noise message of any pattern end in a named error', () => {
  const pattern = fc.constantFrom('NN', 'XX', 'IK', 'IKpsk2', 'NNpsk0+psk2', 'X', 'KK1');
  const s = x25519KeyPair();
  fc.assert(
    fc.property(anyBytes, pattern, (bytes, name) => {
      const rs = s.publicKey;
      const psks = [new Uint8Array(32), new Uint8Array(32)];
      const responder = new NoiseHandshake({ pattern: parsePattern(name), initiator: false, s, rs, psks });
      expect(codeOf(() => responder.readMessage(bytes))).toMatch(/^(none|ERR_NOISE_MESSAGE)$/);
    }),
  );
});

test('any text as a pattern is one or ERR_NOISE_PATTERN', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(codeOf(() => parsePattern(text))).toMatch(/^(none|ERR_NOISE_PATTERN)$/);
    }),
  );
  for (const name of ['', 'constructor', 'IKpsk4', 'XXfallback', 'NNpsk0+psk0', 'IKpsk2+', 'toString']) {
    expect(
      codeOf(() => parsePattern(name)),
      name,
    ).toBe('ERR_NOISE_PATTERN');
  }
});
