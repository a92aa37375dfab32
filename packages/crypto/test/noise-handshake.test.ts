import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { NoiseHandshake, type NoiseSplit, parsePattern } from '../src/e2ee/index.js';
import { loadCrypto } from '../src/index.js';
import { x25519KeyPair } from '../src/primitives/index.js';

await loadCrypto();

// What is used of the foreign implementation, which brings no declarations.
interface ForeignNoise {
  initialise(prologue: Uint8Array, remoteStatic?: Uint8Array): void;
  send(payload: Uint8Array): Uint8Array;
  recv(message: Uint8Array): Uint8Array;
  readonly s: { readonly publicKey: Uint8Array };
  readonly rs: Uint8Array;
  readonly hash: Uint8Array;
  readonly tx: Uint8Array;
  readonly rx: Uint8Array;
}
interface ForeignCipher {
  encrypt(plaintext: Uint8Array): Uint8Array;
  decrypt(ciphertext: Uint8Array): Uint8Array;
}
const require = createRequire(import.meta.url);
const Noise: new (pattern: string, initiator: boolean) => ForeignNoise = require('noise-handshake');
const Cipher: new (key: Uint8Array) => ForeignCipher = require('noise-handshake/cipher');

const HANDSHAKES = 100;
const prologue = Buffer.from('sealane/1/e2e');
const empty = new Uint8Array(0);
const plain = (bytes: Uint8Array): number[] => [...bytes];
const payloadOf = (index: number): Buffer => Buffer.alloc(index * 7, index);

/** Sends messages both ways; `c1` and `c2` as seen by our side. */
function exchange(foreign: ForeignNoise, split: NoiseSplit, initiator: boolean): void {
  const [sending, receiving] = initiator ? [split.c1, split.c2] : [split.c2, split.c1];
  const [theirSending, theirReceiving] = [new Cipher(foreign.tx), new Cipher(foreign.rx)];
  for (let index = 1; index <= 5; index++) {
    const message = payloadOf(index * 100);
    const sealed = Buffer.from(sending.encryptWithAd(empty, message));
    expect(plain(theirReceiving.decrypt(sealed))).toEqual(plain(message));
    expect(plain(receiving.decryptWithAd(empty, theirSending.encrypt(message)) ?? empty)).toEqual(plain(message));
  }
}

describe(`${HANDSHAKES} handshakes of suite 1's pattern with another implementation`, () => {
  test('as the initiator', () => {
    for (let index = 0; index < HANDSHAKES; index++) {
      const foreign = new Noise('IK', false);
      foreign.initialise(prologue);
      const s = x25519KeyPair();
      const own = new NoiseHandshake({
        pattern: parsePattern('IK'),
        initiator: true,
        prologue,
        s,
        rs: foreign.s.publicKey,
      });
      expect(plain(foreign.recv(Buffer.from(own.writeMessage(payloadOf(index)))))).toEqual(plain(payloadOf(index)));
      expect(plain(foreign.rs)).toEqual(plain(s.publicKey));
      expect(plain(own.readMessage(foreign.send(payloadOf(index + 1))))).toEqual(plain(payloadOf(index + 1)));
      expect(plain(foreign.hash)).toEqual(plain(own.handshakeHash));
      exchange(foreign, own.split(), true);
    }
  });

  test('as the responder', () => {
    for (let index = 0; index < HANDSHAKES; index++) {
      const foreign = new Noise('IK', true);
      const s = x25519KeyPair();
      foreign.initialise(prologue, Buffer.from(s.publicKey));
      const own = new NoiseHandshake({ pattern: parsePattern('IK'), initiator: false, prologue, s });
      expect(plain(own.readMessage(foreign.send(payloadOf(index))))).toEqual(plain(payloadOf(index)));
      expect(plain(own.remoteStatic ?? empty)).toEqual(plain(foreign.s.publicKey));
      expect(plain(foreign.recv(Buffer.from(own.writeMessage(payloadOf(index + 1)))))).toEqual(
        plain(payloadOf(index + 1)),
      );
      expect(plain(foreign.hash)).toEqual(plain(own.handshakeHash));
      exchange(foreign, own.split(), false);
    }
  });
});
