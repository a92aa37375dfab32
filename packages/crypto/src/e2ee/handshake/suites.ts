import { LABEL, Suite } from '@sealane/types';
import { blake2b, blake2bKeyed } from '../../primitives/blake2b.js';
import { utf8 } from '../../primitives/bytes.js';
import { ByteWriter } from '../bytes.js';
import type { HandshakePattern, Token } from '../noise/handshake-pattern.js';

/** Best first. A later suite joins here, and nothing else decides what is better. */
const suitesByStrength: readonly Suite[] = [Suite.HYBRID, Suite.CLASSICAL];

/**
 * The Noise pattern of a suite; 25519, ChaChaPoly and BLAKE2b in both. Written out, so that a client ships these two and
 * not the parser of all; a test holds them to it.
 */
export const suitePattern: Readonly<Record<Suite, HandshakePattern>> = {
  [Suite.CLASSICAL]: /* @__PURE__ */ createIk('IK', 0, ['e', 'ee', 'se']),
  [Suite.HYBRID]: /* @__PURE__ */ createIk('IKpsk2', 1, ['e', 'ee', 'se', 'psk']),
};

function createIk(name: string, pskCount: number, answer: readonly Token[]): HandshakePattern {
  return {
    name,
    preMessages: [{ fromInitiator: false, tokens: ['s'] }],
    messages: [
      { fromInitiator: true, tokens: ['e', 'es', 's', 'ss'] },
      { fromInitiator: false, tokens: answer },
    ],
    pskCount,
    isOneWay: false,
  };
}

export function isSuite(number: number): number is Suite {
  return suitesByStrength.some((suite) => suite === number);
}

/** The suites that may really be used, best first: with an access secret only those that prove it. */
export function usableSuites(allowed: readonly number[], hasAccessSecret: boolean): Suite[] {
  return suitesByStrength.filter((suite) => allowed.includes(suite) && !(hasAccessSecret && suite === Suite.CLASSICAL));
}

const prologueLabel = utf8(`${LABEL}/e2e`);

/** `u8 length | label | suite u8 | owner epoch u32 | owner's key 32 | connection id 16` (v1.md, "Handshake"). */
export function createPrologue(
  suite: Suite,
  ownerEpoch: number,
  ownerKey: Uint8Array,
  connectionId: Uint8Array,
): Uint8Array {
  const writer = new ByteWriter(1 + prologueLabel.length + 1 + 4 + 32 + 16);
  writer.u8(prologueLabel.length);
  writer.put(prologueLabel);
  writer.u8(suite);
  writer.u32(ownerEpoch);
  writer.put(ownerKey);
  writer.put(connectionId);
  return writer.bytes;
}

const pskLabel = utf8(`${LABEL}/psk\0`);

/** The psk of suite 2: the KEM's secret bound to its public values and keyed with the access secret, else zeros. */
export function derivePsk(
  kemSecret: Uint8Array,
  kemCiphertext: Uint8Array,
  kemPublicKey: Uint8Array,
  accessSecret: Uint8Array | undefined,
): Uint8Array {
  return blake2bKeyed(
    32,
    accessSecret ?? new Uint8Array(32),
    pskLabel,
    kemSecret,
    blake2b(32, kemCiphertext),
    blake2b(32, kemPublicKey),
  );
}
