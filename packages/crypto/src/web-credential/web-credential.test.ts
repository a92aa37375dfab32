import { describe, expect, test } from 'vitest';
import { parseKeycert } from '../credential/certificate.js';
import { Credential, PREVIOUS_EPOCH_MS } from '../credential/credential.js';
import { DialerHandshake, type DialerHandshakeOptions } from '../e2ee/handshake/dialer-handshake.js';
import { OwnerHandshake } from '../e2ee/handshake/owner-handshake.js';
import { SignatureLabel } from '../signature/labels.js';
import { verify } from '../signature/signature.js';
import { WebCredential } from './web-credential.js';

const parameters = { maxRecordPlaintext: 66_048, initialWindow: 262_144, maxStreams: 16, features: 0 };
const instance = new Uint8Array(16).fill(5);
const nowMs = 1_750_000_000_000;

type Party = Credential | WebCredential;

const makers: readonly (readonly [string, () => Promise<Party>])[] = [
  ['a credential', () => Credential.create()],
  ['keys of WebCrypto', () => WebCredential.create()],
];

async function dialing(dialer: Party, keycert: Uint8Array, more: Partial<DialerHandshakeOptions> = {}) {
  const owner = parseKeycert(keycert);
  return DialerHandshake.create({ credential: dialer, owner, service: '', alpn: ['a'], parameters, ...more });
}

async function shake(dialer: Party, owner: Party, keycert = owner.keycert) {
  const handshake = await dialing(dialer, keycert);
  await handshake.prepareMessage1();
  const message1 = handshake.createMessage1();
  const opened = await OwnerHandshake.openWith(message1, { credential: owner, connectionId: handshake.connectionId });
  const { message2, keys } = opened.accept({ alpn: 'a', parameters, instance });
  await handshake.prepareMessage2(message2);
  return { peerId: opened.peerId, owner: keys, dialer: handshake.readMessage2(message2).keys };
}

describe('an identity of WebCrypto', () => {
  test('has keys that cannot be read, and a keycert and signatures that libsodium verifies', async () => {
    const credential = await WebCredential.create();
    const { signingKey, current } = credential.record;
    for (const key of [signingKey, current.privateKey])
      expect(key).toMatchObject({ type: 'private', extractable: false });
    expect(parseKeycert(credential.keycert)).toMatchObject({ epoch: 1, x25519: current.publicKey });
    const message = Uint8Array.of(1, 2, 3);
    const signature = await credential.sign(SignatureLabel.LEASE, message);
    expect(verify(SignatureLabel.LEASE, credential.publicKey, signature, message)).toBe(true);
    expect(verify(SignatureLabel.AUTH, credential.publicKey, signature, message)).toBe(false);
  });

  for (const [dialerName, createDialer] of makers) {
    for (const [ownerName, createOwner] of makers) {
      test(`shakes hands: ${dialerName} to ${ownerName}`, async () => {
        const [dialer, owner] = [await createDialer(), await createOwner()];
        const { peerId, ...keys } = await shake(dialer, owner);
        expect(peerId).toBe(dialer.id);
        expect(keys.owner.exportKey('app/test', 32)).toEqual(keys.dialer.exportKey('app/test', 32));
      });
    }
  }

  test('rotates as a credential does: the epoch before is held for a day', async () => {
    const first = await WebCredential.create();
    const second = await first.rotate({ nowMs });
    expect([second.id, second.epoch, second.eraseAtMs]).toEqual([first.id, 2, nowMs + PREVIOUS_EPOCH_MS]);
    const dialer = await Credential.create();
    await shake(dialer, second, first.keycert);
    const kept = await WebCredential.open(second.record, nowMs + PREVIOUS_EPOCH_MS - 1);
    expect(kept.handshakeKey(1)?.publicKey).toEqual(first.handshakeKey(1)?.publicKey);
    const later = await WebCredential.open(second.record, nowMs + PREVIOUS_EPOCH_MS);
    expect([later.handshakeKey(1), later.record.previous]).toEqual([undefined, null]);
    await expect(shake(dialer, later, first.keycert)).rejects.toMatchObject({ code: 'ERR_E2EE_EPOCH' });
  });

  test('refuses a record whose keycert names another key', async () => {
    const [one, two] = [await WebCredential.create(), await WebCredential.create()];
    const mixed = { ...one.record, current: two.record.current };
    await expect(WebCredential.open(mixed)).rejects.toMatchObject({ code: 'ERR_KEYCERT_INVALID' });
  });
});

describe('a handshake with keys of WebCrypto', () => {
  test('fails as one with a credential does for low-order keys, flipped bits and short messages', async () => {
    const [dialer, owner] = [await WebCredential.create(), await WebCredential.create()];
    const handshake = await dialing(dialer, owner.keycert);
    await handshake.prepareMessage1();
    const message1 = handshake.createMessage1();
    const { connectionId } = handshake;
    const lowOrder = message1.slice();
    lowOrder.fill(0, 5, 37);
    const flipped = message1.map((byte, index) => (index === 60 ? byte ^ 1 : byte));
    for (const message of [lowOrder, flipped, message1.subarray(0, 20), new Uint8Array(0)]) {
      const opening = OwnerHandshake.openWith(message, { credential: owner, connectionId });
      await expect(opening).rejects.toMatchObject({ code: 'ERR_E2EE_HANDSHAKE' });
    }
    const opened = await OwnerHandshake.openWith(message1, { credential: owner, connectionId });
    const { message2 } = opened.accept({ alpn: 'a', parameters, instance });
    message2.fill(0, 1 + 1_088, 1 + 1_088 + 32);
    await handshake.prepareMessage2(message2);
    expect(() => handshake.readMessage2(message2)).toThrow(expect.objectContaining({ code: 'ERR_E2EE_DAMAGED' }));
  });

  test('gives no session where the dialer does not hold the key of its keycert', async () => {
    const [victim, mallory, owner] = [
      await WebCredential.create(),
      await WebCredential.create(),
      await WebCredential.create(),
    ];
    const forged = {
      publicKey: victim.publicKey,
      epoch: 1,
      keycert: victim.keycert,
      handshakeKey: (epoch: number) => mallory.handshakeKey(epoch),
    };
    const handshake = await dialing(mallory, owner.keycert, { credential: forged });
    await handshake.prepareMessage1();
    const message1 = handshake.createMessage1();
    const opening = OwnerHandshake.openWith(message1, { credential: owner, connectionId: handshake.connectionId });
    await expect(opening).rejects.toMatchObject({ code: 'ERR_E2EE_HANDSHAKE' });
  });

  test('says what has to be done where a step was not prepared', async () => {
    const [dialer, owner] = [await WebCredential.create(), await WebCredential.create()];
    const handshake = await dialing(dialer, owner.keycert);
    expect(() => handshake.createMessage1()).toThrow(/agreement is needed/);
    const again = await dialing(dialer, owner.keycert);
    await again.prepareMessage1();
    const message1 = again.createMessage1();
    expect(() => OwnerHandshake.open(message1, { credential: owner, connectionId: again.connectionId })).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT' }),
    );
  });
});
