import { OwnerCode, RecordType, Suite } from '@sealane/types';
import { describe, expect, test } from 'vitest';
import {
  codeOf,
  createDialer,
  createPair,
  dialerCredential,
  instance,
  openOwner,
  ownerCredential,
  parameters,
} from '../../../test/e2ee-pair.js';

describe.each([Suite.HYBRID, Suite.CLASSICAL])('a handshake of suite %i', (suite) => {
  const suites = [suite];

  test('gives both sides the same session and each the other identity', () => {
    const dialer = createDialer({ suites });
    const owner = openOwner(dialer.createMessage1(), dialer.connectionId, { suites });
    expect(owner.peerId).toBe(dialerCredential.id);
    expect(owner.service).toBe('web');
    expect(owner.alpn).toEqual(['sealane/stream/1', 'other/1']);
    expect(owner.parameters).toEqual(parameters);
    expect(owner.downgrade).toBe(false);
    const { message2, keys } = owner.accept({ alpn: 'other/1', parameters, instance });
    const result = dialer.readMessage2(message2);
    expect(result).toMatchObject({ alpn: 'other/1', suite, peer: parameters, instance });
    expect(result.keys.channelBinding).toEqual(keys.channelBinding);
    expect(result.keys.resumeId).toEqual(keys.resumeId);
    expect(result.keys.exportKey('app/test', 32)).toEqual(keys.exportKey('app/test', 32));
    expect(result.keys.exportKey('app/test', 32)).not.toEqual(keys.exportKey('app/other', 32));
  });

  test('carries a refusal with its reason in as many bytes as an acceptance', () => {
    const dialer = createDialer({ suites });
    const message1 = dialer.createMessage1();
    const granted = openOwner(message1, dialer.connectionId, { suites }).accept({
      alpn: 'other/1',
      parameters,
      instance,
    });
    const refusal = openOwner(message1, dialer.connectionId, { suites }).refuse(OwnerCode.DENIED, 'not\u001b[31m you');
    expect(refusal.length).toBe(granted.message2.length);
    expect(() => dialer.readMessage2(refusal)).toThrowError(
      expect.objectContaining({ code: 'ERR_E2EE_DENIED', message: 'not [31m you' }),
    );
  });

  test('shows the dialer that its keys were replaced, and only with a keycert of its own', () => {
    const newer = dialerCredential.rotate({ nowMs: 0 });
    const refuse = (keycert: Uint8Array): (() => unknown) => {
      const dialer = createDialer({ suites });
      const owner = openOwner(dialer.createMessage1(), dialer.connectionId, { suites });
      const message2 = owner.refuse(OwnerCode.DENIED, 'old', keycert);
      return () => dialer.readMessage2(message2);
    };
    expect(refuse(newer.keycert)).toThrowError(
      expect.objectContaining({
        code: 'ERR_E2EE_KEYCERT',
        details: { knownEpoch: newer.epoch, epoch: dialerCredential.epoch, keycert: newer.keycert },
      }),
    );
    expect(codeOf(refuse(dialerCredential.keycert))).toBe('ERR_E2EE_DENIED');
    expect(codeOf(refuse(ownerCredential.rotate({ nowMs: 0 }).keycert))).toBe('ERR_E2EE_DENIED');
    const forged = newer.keycert.slice();
    forged[40]! ^= 1;
    expect(codeOf(refuse(forged))).toBe('ERR_E2EE_DENIED');
  });

  test('is used once on both sides', () => {
    const dialer = createDialer({ suites });
    const message1 = dialer.createMessage1();
    expect(codeOf(() => dialer.createMessage1())).toBe('ERR_NOISE_STATE');
    const owner = openOwner(message1, dialer.connectionId, { suites });
    const { message2 } = owner.accept({ alpn: 'other/1', parameters, instance });
    expect(codeOf(() => owner.accept({ alpn: 'other/1', parameters, instance }))).toBe('ERR_NOISE_STATE');
    expect(codeOf(() => owner.refuse(OwnerCode.BUSY))).toBe('ERR_NOISE_STATE');
    dialer.readMessage2(message2);
    expect(codeOf(() => dialer.readMessage2(message2))).toBe('ERR_NOISE_STATE');
  });
});

test('a session carries records both ways and is erased by wipe', () => {
  const { dialer, owner } = createPair();
  const [sealer, opener] = [dialer.createSealer(), owner.createOpener(66_048)];
  const body = new Uint8Array(8);
  const first = sealer.seal(RecordType.CONFIRM, [body]);
  expect(opener.open(first.subarray(3))).toMatchObject({ type: RecordType.CONFIRM, number: 0, body });
  const back = owner.createSealer().seal(RecordType.FRAMES, [body]);
  expect(dialer.createOpener(66_048).open(back.subarray(3)).type).toBe(RecordType.FRAMES);
  dialer.wipe();
  dialer.wipe();
  expect(codeOf(() => sealer.seal(RecordType.FRAMES, [body]))).toBe('ERR_CLOSED');
  expect(codeOf(() => dialer.exportKey('app/x', 32))).toBe('ERR_E2EE_CLOSED');
  expect(codeOf(() => dialer.sealResume(1, { status: 0, nextExpected: 0, nextSealed: 1 }))).toBe('ERR_CLOSED');
});

test('keys give out their sealer and opener once, so that no nonce is used twice', () => {
  const { dialer } = createPair();
  dialer.createSealer();
  dialer.createOpener(66_048);
  expect(codeOf(() => dialer.createSealer())).toBe('ERR_NOISE_STATE');
  expect(codeOf(() => dialer.createOpener(66_048))).toBe('ERR_NOISE_STATE');
});

test('an exporter takes only the labels of applications', () => {
  const { dialer } = createPair();
  expect(codeOf(() => dialer.exportKey('int/resume-key-i', 32))).toBe('ERR_ARGUMENT');
  expect(codeOf(() => dialer.exportKey('app/x', 15))).toBe('ERR_ARGUMENT');
});
