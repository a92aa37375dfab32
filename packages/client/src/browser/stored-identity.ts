import { wipe } from '@sealane/crypto';
import type { Credential } from '@sealane/crypto/credential';
import type { WebCredentialRecord } from '@sealane/crypto/web-credential';
import { SealaneError } from '@sealane/types';

interface StoredBase {
  readonly version: 1;
  /** New with every change. */
  readonly revision: string;
}

interface WrappedSecrets {
  /** AES-GCM, not extractable, for this revision alone. */
  readonly key: CryptoKey;
  readonly iv: Uint8Array<ArrayBuffer>;
  /** The key file's bytes, sealed. */
  readonly sealed: Uint8Array<ArrayBuffer>;
  /** There is a key of the previous epoch in it. */
  readonly hasPrevious: boolean;
}

/** An identity as IndexedDB holds it, under its name. */
export type StoredIdentity = StoredBase &
  ({ readonly kind: 'web'; readonly record: WebCredentialRecord } | ({ readonly kind: 'wrapped' } & WrappedSecrets));

/** Seals the secrets of a credential with a key that no script can read. The name is bound to it. */
export async function wrapCredential(name: string, credential: Credential): Promise<WrappedSecrets> {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const secrets = credential.encode() as Uint8Array<ArrayBuffer>;
  try {
    const sealed = new Uint8Array(await crypto.subtle.encrypt(cipher(name, iv), key, secrets));
    return { key, iv, sealed, hasPrevious: credential.eraseAtMs !== undefined };
  } finally {
    wipe(secrets);
  }
}

/** The key file's bytes, which are secret. ERR_STORAGE if they were changed, or stored under another name. */
export async function unwrapCredential(name: string, { key, iv, sealed }: WrappedSecrets): Promise<Uint8Array> {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(cipher(name, iv), key, sealed));
  } catch (cause) {
    throw new SealaneError('ERR_STORAGE', `the identity "${name}" is damaged`, { cause });
  }
}

function cipher(name: string, iv: Uint8Array<ArrayBuffer>): AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(`sealane/identity/${name}`) };
}
