import { SealaneError } from '@sealane/types';
import sodium from 'libsodium-wrappers';

/**
 * The functions of libsodium that Sealane uses. Its declarations promise more than the standard build has,
 * so that a name is checked at load and not when a peer first makes us call it.
 */
export const usedFunctions = [
  'crypto_kem_mlkem768_dec',
  'crypto_kem_mlkem768_enc_deterministic',
  'crypto_kem_mlkem768_seed_keypair',
  'crypto_sign_detached',
  'crypto_sign_ed25519_pk_to_curve25519',
  'crypto_sign_seed_keypair',
  'crypto_sign_verify_detached',
  'crypto_scalarmult',
  'crypto_scalarmult_base',
] as const;

/** Functions of the WebAssembly module itself, called on memory that Sealane reserves once. */
export const usedRawFunctions = [
  '_malloc',
  '_free',
  '_crypto_aead_chacha20poly1305_ietf_decrypt',
  '_crypto_aead_chacha20poly1305_ietf_encrypt',
  '_crypto_generichash',
  '_crypto_generichash_final',
  '_crypto_generichash_init',
  '_crypto_generichash_update',
] as const;

type SodiumFunctions = Pick<typeof sodium, (typeof usedFunctions)[number]>;

/** Addresses are byte offsets in HEAPU8; 64-bit lengths are passed as low and high halves. */
export type RawSodium = Readonly<Record<(typeof usedRawFunctions)[number], (...numbers: number[]) => number>> & {
  /** Replaced when the memory grows: read it again after every allocation. */
  readonly HEAPU8: Uint8Array;
};

/** Where every copy of this module finds it: a page may have another one in another bundle, and libsodium is one. */
const holder = sodium as unknown as { sealane?: RawSodium };

let loading: Promise<void> | undefined;
let loaded: RawSodium | undefined;

/**
 * Loads the WebAssembly of libsodium, once per process; later calls are free.
 * Every synchronous function of this package throws ERR_CRYPTO_NOT_READY before it has resolved.
 * ERR_CRYPTO_UNAVAILABLE where there is no WebAssembly, or the page's Content-Security-Policy forbids it.
 */
export function loadCrypto(): Promise<void> {
  loading ??= load();
  return loading;
}

async function load(): Promise<void> {
  try {
    await sodium.ready;
  } catch (cause) {
    throw unavailable(cause);
  }
  const raw = (sodium as unknown as { readonly libsodium: RawSodium }).libsodium;
  const missing = [
    ...usedFunctions.filter((name) => typeof sodium[name] !== 'function'),
    ...usedRawFunctions.filter((name) => typeof raw[name] !== 'function'),
  ];
  if (missing.length > 0) {
    throw new SealaneError('ERR_INTERNAL', `this build of libsodium lacks ${missing.join(', ')}`);
  }
  holder.sealane = raw;
}

/** The head of every WebAssembly module, which alone is a module that does nothing. */
const emptyModule = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

/** libsodium aborts with a text of its own; what a page's author can do about it is found out here. */
function unavailable(cause: unknown): SealaneError {
  const { WebAssembly: platform } = globalThis as { WebAssembly?: { Module: new (bytes: Uint8Array) => unknown } };
  if (platform === undefined) {
    return new SealaneError('ERR_CRYPTO_UNAVAILABLE', 'Sealane needs WebAssembly, which is missing here', { cause });
  }
  try {
    new platform.Module(emptyModule);
  } catch {
    const message =
      "Sealane needs WebAssembly, which is forbidden here: add 'wasm-unsafe-eval' to the script-src of the page's " +
      "(or the worker's) Content-Security-Policy";
    return new SealaneError('ERR_CRYPTO_UNAVAILABLE', message, { cause, details: { directive: "'wasm-unsafe-eval'" } });
  }
  return new SealaneError('ERR_CRYPTO_UNAVAILABLE', "libsodium's WebAssembly did not start", { cause });
}

/** libsodium's functions, or ERR_CRYPTO_NOT_READY. */
export function loadedSodium(): SodiumFunctions {
  loadedRawSodium();
  return sodium;
}

/** libsodium's WebAssembly module, or ERR_CRYPTO_NOT_READY. */
export function loadedRawSodium(): RawSodium {
  loaded ??= holder.sealane ?? notReady();
  return loaded;
}

function notReady(): never {
  throw new SealaneError('ERR_CRYPTO_NOT_READY', 'call and await loadCrypto() first');
}
