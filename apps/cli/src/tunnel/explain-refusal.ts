import { type DialTarget, formatAddress, type NamePin } from '@sealane/client';
import { isSealaneError, SealaneError } from '@sealane/types';
import { sanitize } from '../output/sanitize.js';
import type { KnownPeers } from '../peers/known-peers.js';
import { pinError } from '../peers/stores.js';

/** Adds what the user can do to a refusal that the client found. */
export async function explainRefusal(error: unknown, peers: KnownPeers, target: DialTarget): Promise<unknown> {
  if (isSealaneError(error, 'ERR_E2EE_PIN') && error.details['advised'] !== true) {
    const { name, relayId, pinned, found } = error.details;
    if (typeof name === 'string' && typeof relayId === 'string' && isNamePin(pinned) && isNamePin(found)) {
      return await pinError(peers, relayId, name, pinned, found);
    }
  }
  if (isSealaneError(error, 'ERR_RELAY_NO_OWNER')) {
    const address = sanitize(formatAddress({ ...target, relays: [] }));
    return new SealaneError('ERR_RELAY_NO_OWNER', `nobody serves ${address} at the relay now`, {
      cause: error,
      retryable: true,
      details: error.details,
    });
  }
  return error;
}

function isNamePin(value: unknown): value is NamePin {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'service' in value &&
    typeof value.service === 'string'
  );
}
