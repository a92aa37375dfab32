import { type RandomBytes, systemRandomBytes } from '@sealane/types';
import { concatBytes, encodeU32 } from '../primitives/bytes.js';
import { x25519KeyPair } from '../primitives/x25519.js';
import { SignatureLabel } from '../signature/labels.js';
import { encodeId } from './id.js';
import type { Identity } from './identity.js';
import { SigningKey } from './signing-key.js';

/**
 * A new identity that lives in memory alone, at epoch 1: unlike a {@link Credential} it has no file and no further epoch,
 * and brings none of the code for them. Call and await `loadCrypto()` first, else ERR_CRYPTO_NOT_READY.
 */
export function createMemoryIdentity(random: RandomBytes = systemRandomBytes): Identity {
  const signingKey = SigningKey.create(random);
  const { publicKey } = signingKey;
  const key = x25519KeyPair(random);
  const epoch = 1;
  const certified = concatBytes([publicKey, encodeU32(epoch), key.publicKey]);
  return {
    id: encodeId(publicKey),
    publicKey,
    epoch,
    keycert: concatBytes([certified, signingKey.sign(SignatureLabel.KEYCERT, certified)]),
    sign: (label, ...parts) => signingKey.sign(label, ...parts),
    handshakeKey: (asked) => (asked === epoch ? key : undefined),
  };
}
