import { SealaneError } from '@sealane/types';
import type { LocalHandshakeKey, RemoteHandshakeKey } from '../../credential/identity.js';
import { bytesEqual } from '../../primitives/bytes.js';
import type { AgreeingKey } from '../noise/noise-handshake.js';

/** An agreement that was not asked for beforehand. It never leaves the handshake. */
export class MissingAgreement extends Error {
  override readonly name = 'MissingAgreement';
  readonly publicKey: Uint8Array;

  constructor(publicKey: Uint8Array) {
    super('an agreement is needed');
    this.publicKey = publicKey;
  }
}

interface Agreement {
  readonly publicKey: Uint8Array;
  readonly shared: Uint8Array | undefined;
}

/**
 * A platform's handshake key as the Noise processor takes it, for one handshake. Noise is synchronous and the platform
 * is not, so each of the two agreements of a static key is fetched before the message that mixes it in.
 */
export class Agreements implements AgreeingKey {
  readonly publicKey: Uint8Array;
  readonly #key: RemoteHandshakeKey;
  readonly #known: Agreement[] = [];

  constructor(key: RemoteHandshakeKey) {
    this.publicKey = key.publicKey;
    this.#key = key;
  }

  /** Fetches the agreement with `publicKey`. Wrong lengths and low-order keys are remembered as giving none. */
  async fetch(publicKey: Uint8Array): Promise<void> {
    const own = publicKey.slice();
    const shared = own.length === 32 ? await this.#key.agree(own) : undefined;
    this.#known.push({ publicKey: own, shared });
  }

  agree(publicKey: Uint8Array): Uint8Array {
    const found = this.#known.find((agreement) => bytesEqual(agreement.publicKey, publicKey));
    if (found === undefined) throw new MissingAgreement(publicKey.slice());
    if (found.shared === undefined) {
      throw new SealaneError('ERR_NOISE_MESSAGE', 'the public key gives no shared secret');
    }
    // The processor wipes what it mixed in; an owner reads message 1 twice.
    return found.shared.slice();
  }

  wipe(): void {
    for (const { shared } of this.#known.splice(0)) shared?.fill(0);
  }
}

/** The key as Noise takes it: a local one as it is. */
export function asNoiseKey(key: LocalHandshakeKey | RemoteHandshakeKey): LocalHandshakeKey | Agreements {
  return 'secret' in key ? key : new Agreements(key);
}
