import { nodeAead } from './aead-node.js';
import type { PlatformCrypto } from './platform.js';
import { nodeX25519 } from './x25519-node.js';

// Where the two ciphers cross; docs say 2 KiB, and a wrong guess of a factor of two costs little.
export const platformCrypto: PlatformCrypto = { aead: nodeAead, aeadFromBytes: 2_048, x25519: nodeX25519 };
