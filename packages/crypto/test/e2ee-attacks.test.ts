import { OwnerCode, RecordType, Suite } from '@sealane/types';
import { describe, expect, test } from 'vitest';
import { Credential, parseKeycert } from '../src/credential/index.js';
import { encodeMessage1Payload } from '../src/e2ee/handshake/message1-payload.js';
import { createPrologue, suitePattern } from '../src/e2ee/handshake/suites.js';
import { DialerHandshake, NoiseHandshake, OwnerHandshake } from '../src/e2ee/index.js';
import { concatBytes, encodeU32 } from '../src/primitives/bytes.js';
import {
  codeOf,
  createDialer,
  createPair,
  dialerCredential,
  instance,
  openOwner,
  ownerCredential,
  parameters,
} from './e2ee-pair.js';

const acceptance = { alpn: 'other/1', parameters, instance };
const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = bytes.slice();
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
};
/** The order-8 and trivial points that give an all-zero result. */
const lowOrderKeys = [
  new Uint8Array(32),
  new Uint8Array(32).fill(1, 0, 1),
  new Uint8Array(Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex')),
  new Uint8Array(Buffer.from('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157', 'hex')),
];

/** Message 1 of suite 1 made by hand, so that it can break a rule that DialerHandshake keeps. */
function forgeMessage1(
  s: { secret: Uint8Array; publicKey: Uint8Array },
  change: Partial<Parameters<typeof encodeMessage1Payload>[0]> = {},
  suite: Suite = Suite.CLASSICAL,
): { message: Uint8Array; connectionId: Uint8Array } {
  const connectionId = new Uint8Array(16).fill(5);
  const noise = new NoiseHandshake({
    pattern: suitePattern[suite],
    initiator: true,
    prologue: createPrologue(suite, 1, ownerCredential.publicKey, connectionId),
    s,
    rs: parseKeycert(ownerCredential.keycert).x25519,
  });
  const payload = encodeMessage1Payload({
    keycert: dialerCredential.keycert,
    service: '',
    alpn: ['a'],
    suites: [suite],
    kemPublicKey: new Uint8Array(suite === Suite.HYBRID ? 1_184 : 0),
    parameters,
    ...change,
  });
  const message = concatBytes([Uint8Array.of(suite), encodeU32(1), noise.writeMessage(payload)]);
  return { message, connectionId };
}
const suites = [Suite.CLASSICAL];
const openForged = (forged: { message: Uint8Array; connectionId: Uint8Array }): OwnerHandshake =>
  openOwner(forged.message, forged.connectionId, { suites });

describe.each([Suite.HYBRID, Suite.CLASSICAL])('suite %i', (suite) => {
  const suites = [suite];

  test('a bit flipped anywhere in message 1 is refused', () => {
    const dialer = createDialer({ suites });
    const message1 = dialer.createMessage1();
    for (let byte = 0; byte < message1.length; byte++) {
      const code = codeOf(() => openOwner(flipped(message1, byte * 8 + (byte & 7)), dialer.connectionId, { suites }));
      const expected =
        byte >= 5 ? /^ERR_E2EE_HANDSHAKE$/ : byte > 0 ? /^ERR_E2EE_EPOCH$/ : /^ERR_E2EE_(SUITE|HANDSHAKE)$/;
      expect(code, `byte ${byte}`).toMatch(expected);
    }
  });

  test('a bit flipped anywhere in message 2 is refused', () => {
    const { length } = openAndAccept();
    for (let byte = 0; byte < length; byte++) {
      const dialer = createDialer({ suites, random: seeded(byte) });
      const { message2 } = openOwner(dialer.createMessage1(), dialer.connectionId, { suites }).accept(acceptance);
      const code = codeOf(() => dialer.readMessage2(flipped(message2, byte * 8 + (byte & 7))));
      expect(code, `byte ${byte}`).toBe(byte === 0 ? 'ERR_E2EE_SUITE' : 'ERR_E2EE_DAMAGED');
    }
    function openAndAccept(): Uint8Array {
      const dialer = createDialer({ suites });
      return openOwner(dialer.createMessage1(), dialer.connectionId, { suites }).accept(acceptance).message2;
    }
    function seeded(seed: number): (length: number) => Uint8Array {
      let calls = 0;
      return (length) => new Uint8Array(length).map((_, index) => (seed * 31 + index * 7 + calls++) & 0xff);
    }
  });

  test('messages that are cut or extended are refused', () => {
    const dialer = createDialer({ suites });
    const message1 = dialer.createMessage1();
    for (const change of [-256, -1, 1, 256]) {
      const other = new Uint8Array(message1.length + change);
      other.set(message1.subarray(0, other.length));
      expect(codeOf(() => openOwner(other, dialer.connectionId, { suites }))).toBe('ERR_E2EE_HANDSHAKE');
    }
    expect(codeOf(() => openOwner(new Uint8Array(0), dialer.connectionId, { suites }))).toBe('ERR_E2EE_HANDSHAKE');
    for (const change of [-256, -1, 1, 256]) {
      const next = createDialer({ suites });
      const { message2 } = openOwner(next.createMessage1(), next.connectionId, { suites }).accept(acceptance);
      const other = new Uint8Array(message2.length + change);
      other.set(message2.subarray(0, other.length));
      expect(codeOf(() => next.readMessage2(other))).toBe('ERR_E2EE_DAMAGED');
    }
    const last = createDialer({ suites });
    last.createMessage1();
    expect(codeOf(() => last.readMessage2(new Uint8Array(0)))).toBe('ERR_E2EE_DAMAGED');
  });

  test('message 1 under another connection id or at another owner is refused', async () => {
    const dialer = createDialer({ suites });
    const message1 = dialer.createMessage1();
    expect(codeOf(() => openOwner(message1, new Uint8Array(16), { suites }))).toBe('ERR_E2EE_HANDSHAKE');
    const other = await Credential.create();
    const open = () => OwnerHandshake.open(message1, { credential: other, connectionId: dialer.connectionId, suites });
    expect(codeOf(open)).toBe('ERR_E2EE_HANDSHAKE');
  });

  test('a replayed message 1 gives the attacker no key: its records never confirm', () => {
    const dialer = createDialer({ suites });
    const message1 = dialer.createMessage1();
    const first = openOwner(message1, dialer.connectionId, { suites }).accept(acceptance);
    const replayed = openOwner(message1, dialer.connectionId, { suites }).accept(acceptance);
    const confirm = dialer
      .readMessage2(first.message2)
      .keys.createSealer()
      .seal(RecordType.CONFIRM, [new Uint8Array(8)]);
    expect(codeOf(() => replayed.keys.createOpener(66_048).open(confirm.subarray(3)))).toBe('ERR_E2EE_INTEGRITY');
    expect(codeOf(() => first.keys.createOpener(66_048).open(confirm.subarray(3)))).toBe('none');
  });

  test('message 2 of another handshake is refused', () => {
    const [first, second] = [createDialer({ suites }), createDialer({ suites })];
    const { message2 } = openOwner(first.createMessage1(), first.connectionId, { suites }).accept(acceptance);
    second.createMessage1();
    expect(codeOf(() => second.readMessage2(message2))).toBe('ERR_E2EE_DAMAGED');
  });

  test('messages sent back to where they came from are refused', () => {
    const dialer = createDialer({ suites });
    const message1 = dialer.createMessage1();
    const { message2 } = openOwner(message1, dialer.connectionId, { suites }).accept(acceptance);
    expect(codeOf(() => openOwner(message2, dialer.connectionId, { suites }))).toMatch(/^ERR_E2EE_(HANDSHAKE|EPOCH)$/);
    expect(codeOf(() => dialer.readMessage2(message1))).toBe('ERR_E2EE_DAMAGED');
  });

  test('a low-order ephemeral key is refused on both sides', () => {
    for (const key of lowOrderKeys) {
      const dialer = createDialer({ suites });
      const message1 = dialer.createMessage1();
      const { message2 } = openOwner(message1, dialer.connectionId, { suites }).accept(acceptance);
      const bad1 = message1.slice();
      bad1.set(key, 5);
      expect(codeOf(() => openOwner(bad1, dialer.connectionId, { suites }))).toBe('ERR_E2EE_HANDSHAKE');
      const bad2 = message2.slice();
      bad2.set(key, suite === Suite.HYBRID ? 1_089 : 1);
      expect(codeOf(() => dialer.readMessage2(bad2))).toBe('ERR_E2EE_DAMAGED');
    }
  });
});

test('a hello signed again by somebody else is refused: the keycert must name the key that was used', async () => {
  const mallory = await Credential.create();
  const own = mallory.handshakeKey(1)!;
  expect(codeOf(() => openForged(forgeMessage1(own, { keycert: mallory.keycert })))).toBe('none');
  // The victim's key with the attacker's certificate, and the other way round.
  expect(codeOf(() => openForged(forgeMessage1(own, { keycert: dialerCredential.keycert })))).toBe(
    'ERR_E2EE_HANDSHAKE',
  );
  const victim = dialerCredential.handshakeKey(1)!;
  expect(codeOf(() => openForged(forgeMessage1(victim, { keycert: mallory.keycert })))).toBe('ERR_E2EE_HANDSHAKE');
  const unsigned = flipped(mallory.keycert, 131 * 8);
  expect(codeOf(() => openForged(forgeMessage1(own, { keycert: unsigned })))).toBe('ERR_E2EE_HANDSHAKE');
});

test('a payload that breaks a rule is refused', () => {
  const s = dialerCredential.handshakeKey(1)!;
  const broken: Parameters<typeof forgeMessage1>[1][] = [
    { alpn: [] },
    { alpn: [''] },
    { alpn: ['a'.repeat(65)] },
    { alpn: Array.from({ length: 17 }, () => 'a') },
    { service: 'UPPER' },
    { service: 'a'.repeat(64) },
    { suites: [] },
    { suites: [Suite.HYBRID] },
    { kemPublicKey: new Uint8Array(1_184) },
    { parameters: { ...parameters, maxRecordPlaintext: 8_703 } },
    { parameters: { ...parameters, maxRecordPlaintext: 66_049 } },
    { parameters: { ...parameters, initialWindow: 65_535 } },
    { parameters: { ...parameters, maxStreams: 0 } },
  ];
  for (const change of broken) {
    expect(
      codeOf(() => openForged(forgeMessage1(s, change))),
      JSON.stringify(change),
    ).toBe('ERR_E2EE_HANDSHAKE');
  }
});

test('a KEM key that is none ends the answer in an error', () => {
  const forged = forgeMessage1(
    dialerCredential.handshakeKey(1)!,
    { kemPublicKey: new Uint8Array(1_184).fill(255) },
    Suite.HYBRID,
  );
  const owner = openOwner(forged.message, forged.connectionId);
  expect(codeOf(() => owner.accept({ ...acceptance, alpn: 'a' }))).toBe('ERR_E2EE_HANDSHAKE');
});

test('a lower suite than both allow is a downgrade, told by a sealed refusal', () => {
  const both = [Suite.HYBRID, Suite.CLASSICAL];
  const dialer = DialerHandshake.create({
    credential: dialerCredential,
    owner: parseKeycert(ownerCredential.keycert),
    service: '',
    alpn: ['a'],
    suites: both,
    suite: Suite.CLASSICAL,
    parameters,
  });
  const owner = openOwner(dialer.createMessage1(), dialer.connectionId, { ownerSuites: both });
  expect(owner.downgrade).toBe(true);
  expect(codeOf(() => owner.accept({ ...acceptance, alpn: 'a' }))).toBe('ERR_E2EE_DOWNGRADE');
  const refusal = owner.refuse(OwnerCode.DOWNGRADE);
  expect(codeOf(() => dialer.readMessage2(refusal))).toBe('ERR_E2EE_DOWNGRADE');
});

test('an owner of the hybrid suite alone refuses the classical one, and an unknown one is an error', () => {
  const dialer = createDialer({ suites });
  const message1 = dialer.createMessage1();
  expect(openOwner(message1, dialer.connectionId, { ownerSuites: [Suite.HYBRID] }).downgrade).toBe(true);
  message1[0] = 3;
  expect(codeOf(() => openOwner(message1, dialer.connectionId, { suites }))).toBe('ERR_E2EE_SUITE');
});

test('with an access secret the classical suite is refused on both sides', () => {
  const accessSecret = new Uint8Array(32).fill(9);
  expect(codeOf(() => createDialer({ suites, accessSecret }))).toBe('ERR_E2EE_SUITE');
  const dialer = createDialer({ suites });
  const owner = openOwner(dialer.createMessage1(), dialer.connectionId, { suites, accessSecret });
  expect(owner.downgrade).toBe(true);
});

test('another access secret is found by the dialer, and a session needs the same one', () => {
  const accessSecret = new Uint8Array(32).fill(9);
  expect(createPair({ accessSecret }).dialer.role).toBe('dialer');
  const dialer = createDialer({ accessSecret });
  const options = { ownerSecret: new Uint8Array(32).fill(8) };
  const { message2 } = openOwner(dialer.createMessage1(), dialer.connectionId, options).accept(acceptance);
  expect(codeOf(() => dialer.readMessage2(message2))).toBe('ERR_E2EE_DAMAGED');
  const without = createDialer();
  const answer = openOwner(without.createMessage1(), without.connectionId, { accessSecret }).accept(acceptance);
  expect(codeOf(() => without.readMessage2(answer.message2))).toBe('ERR_E2EE_DAMAGED');
});

test('an epoch that is not held is told with the current keycert; the previous one still serves', () => {
  const next = ownerCredential.rotate({ nowMs: 0 });
  const afterNext = next.rotate({ nowMs: 0 });
  const dialer = createDialer();
  const message1 = dialer.createMessage1();
  const open = (credential: Credential) =>
    OwnerHandshake.open(message1, { credential, connectionId: dialer.connectionId });
  expect(open(next).peerId).toBe(dialerCredential.id);
  expect(() => open(afterNext)).toThrowError(
    expect.objectContaining({ code: 'ERR_E2EE_EPOCH', details: { keycert: afterNext.keycert } }),
  );
});
