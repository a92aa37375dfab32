import { createHash } from 'node:crypto';
import type { Keycert } from '@sealane/crypto/credential';
import { blake2bHash, NoiseHandshake, parsePattern } from '@sealane/crypto/e2ee';
import { Suite } from '@sealane/types';

export interface ForgedHelloOptions {
  readonly owner: Keycert;
  readonly connectionId: Uint8Array;
  /** The key that is really used. */
  readonly key: { readonly secret: Uint8Array; readonly publicKey: Uint8Array };
  /** The certificate that is shown. */
  readonly keycert: Uint8Array;
  readonly kemPublicKey?: Uint8Array;
  readonly service?: string;
  /** What a later version may say. */
  readonly suites?: readonly number[];
  readonly features?: number;
  readonly tlvs?: Uint8Array;
}

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
};

/** Message 1 of suite 2 made by hand after docs/protocol/v1.md, so that it can say what a client never says. */
export function forgeHello(options: ForgedHelloOptions): Uint8Array {
  const { owner, connectionId, key, keycert, service = '', features = 0, tlvs = new Uint8Array(0) } = options;
  const { suites = [Suite.HYBRID] } = options;
  const label = Buffer.from('sealane/1/e2e');
  const prologue = Buffer.concat([
    Uint8Array.of(label.length),
    label,
    Uint8Array.of(Suite.HYBRID),
    u32(owner.epoch),
    owner.publicKey,
    connectionId,
  ]);
  const noise = new NoiseHandshake({
    pattern: parsePattern('IKpsk2'),
    initiator: true,
    prologue,
    hash: blake2bHash,
    s: key,
    rs: owner.x25519,
  });
  const alpn = Buffer.from('sealane/stream/1');
  const said = Buffer.concat([
    keycert,
    Uint8Array.of(service.length),
    Buffer.from(service),
    Uint8Array.of(1, alpn.length),
    alpn,
    Uint8Array.of(suites.length, ...suites, 1_184 >> 8, 1_184 & 255),
    options.kemPublicKey ?? plausibleKemKey(),
    u32(66_048),
    u32(262_144),
    u32(1_024),
    u32(features),
    tlvs,
  ]);
  const payload = Buffer.alloc(Math.ceil(said.length / 256) * 256);
  payload.set(said);
  return Buffer.concat([Uint8Array.of(Suite.HYBRID), u32(owner.epoch), noise.writeMessage(payload)]);
}

/** Every coefficient below q: an encapsulation key as far as anybody can check. */
function plausibleKemKey(): Uint8Array {
  const key = new Uint8Array(1_184);
  key.set(createHash('sha256').update('seed').digest(), 1_152);
  return key;
}
