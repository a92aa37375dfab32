import type { PlatformCrypto } from './platform.js';
import { libsodiumX25519 } from './x25519-libsodium.js';

export const platformCrypto: PlatformCrypto = { aead: undefined, aeadFromBytes: 0, x25519: libsodiumX25519 };
