import { SealaneError } from '@sealane/types';

/** A CryptoKey, named by what is relied on: these declarations need neither the DOM's types nor Node's. */
export interface PlatformKey {
  readonly type: string;
  readonly extractable: boolean;
}

export interface PlatformKeyPair {
  /** Not extractable. */
  readonly privateKey: PlatformKey;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

type Algorithm = string | { readonly name: string; readonly public: PlatformKey };

/** The part of SubtleCrypto that is used. */
interface Subtle {
  generateKey(
    algorithm: Algorithm,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<{ readonly privateKey: PlatformKey; readonly publicKey: PlatformKey }>;
  exportKey(format: 'raw', key: PlatformKey): Promise<ArrayBuffer>;
  importKey(
    format: 'raw',
    bytes: Uint8Array,
    algorithm: Algorithm,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<PlatformKey>;
  sign(algorithm: Algorithm, key: PlatformKey, message: Uint8Array): Promise<ArrayBuffer>;
  deriveBits(algorithm: Algorithm, key: PlatformKey, bits: number): Promise<ArrayBuffer>;
}

/** A page without a secure context has no `subtle`. */
function subtle(): Subtle {
  const found = (globalThis as { crypto?: { subtle?: unknown } }).crypto?.subtle;
  if (found !== undefined) return found as Subtle;
  throw new SealaneError('ERR_CRYPTO_UNAVAILABLE', 'WebCrypto is missing here: a page needs https or localhost');
}

/** A new pair (RFC 8032 or RFC 7748). ERR_CRYPTO_UNAVAILABLE where the platform does not know the algorithm. */
export async function generatePlatformKey(algorithm: 'Ed25519' | 'X25519'): Promise<PlatformKeyPair> {
  const platform = subtle();
  const usages = algorithm === 'Ed25519' ? ['sign', 'verify'] : ['deriveBits'];
  try {
    const pair = await platform.generateKey(algorithm, false, usages);
    return { privateKey: pair.privateKey, publicKey: new Uint8Array(await platform.exportKey('raw', pair.publicKey)) };
  } catch (cause) {
    throw new SealaneError('ERR_CRYPTO_UNAVAILABLE', `WebCrypto has no ${algorithm} here`, { cause });
  }
}

/** The Ed25519 signature, 64 bytes. */
export async function platformSign(key: PlatformKey, message: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await subtle().sign('Ed25519', key, message));
}

/** The X25519 shared secret, or undefined if the other key gives none: WebCrypto refuses the all-zero result. */
export async function platformAgree(key: PlatformKey, publicKey: Uint8Array): Promise<Uint8Array | undefined> {
  const platform = subtle();
  try {
    const other = await platform.importKey('raw', publicKey, 'X25519', true, []);
    const shared = new Uint8Array(await platform.deriveBits({ name: 'X25519', public: other }, key, 256));
    return shared.some((byte) => byte !== 0) ? shared : undefined;
  } catch {
    return undefined;
  }
}
