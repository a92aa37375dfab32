import { bytesEqual } from '@sealane/crypto';
import { encodeId, parseKeycert } from '@sealane/crypto/credential';
import { SignatureLabel, verify } from '@sealane/crypto/signature';
import { decodeLease, type Lease, type Register } from '@sealane/protocol';
import { isSealaneError, MessageKind, RegisterFlag, RelayCode, relayError, type SealaneError } from '@sealane/types';
import type { LeaseManager } from './lease-manager.js';
import type { LeaseRecord } from './lease-store.js';
import type { RelayLink } from './link.js';
import type { RelayConfig } from './relay-config.js';

/** REGISTER: who may put which lease in force (v1.md, "Leases"). */
export class LeaseHandler {
  readonly #config: RelayConfig;
  readonly #leases: LeaseManager;

  constructor(config: RelayConfig, leases: LeaseManager) {
    this.#config = config;
    this.#leases = leases;
  }

  /** Answers REGISTERED. @throws relay errors, ERR_PROTOCOL_* */
  async register(link: RelayLink, message: Register): Promise<void> {
    const record = this.#accept(link, message);
    await this.#leases.register(link, record, (message.flags & RegisterFlag.TAKE_OVER) !== 0);
    const { service, sequence, ttlMs, name } = record;
    link.send({ kind: MessageKind.REGISTERED, request: message.request, service, sequence, ttlMs, name });
  }

  /** The record of a lease that verified. Every field that is kept is copied out of the message. */
  #accept(link: RelayLink, message: Register): LeaseRecord {
    const lease = parseLease(message.lease);
    const { identity, limits, clock } = this.#config;
    if (!bytesEqual(lease.audience, identity.publicKey)) throw invalid('the lease is for another relay');
    const keycert = parseOwnKeycert(lease);
    if (!bytesEqual(keycert.publicKey, link.clientKey)) throw invalid('the lease is of another identity than the link');
    if (!verify(SignatureLabel.LEASE, keycert.publicKey, message.signature, message.lease)) {
      throw invalid('the signature does not verify');
    }
    const aheadMs = lease.sequence / 1_000 - clock.wallMs();
    if (aheadMs > limits.maxSequenceAheadMs) throw invalid('the sequence number lies too far ahead');
    return {
      id: encodeId(keycert.publicKey),
      identity: keycert.publicKey,
      service: lease.service,
      instance: lease.instance.slice(),
      sequence: lease.sequence,
      name: lease.name,
      keycert: keycert.bytes,
      alpn: lease.alpn === null ? null : [...lease.alpn],
      suites: [...lease.suites],
      flags: lease.flags,
      metadata: lease.metadata.slice(),
      ttlMs: Math.min(limits.leaseTtlMaxMs, Math.max(limits.leaseTtlMinMs, lease.ttlMs)),
      holder: link.id,
    };
  }
}

function parseLease(bytes: Uint8Array): Lease {
  try {
    return decodeLease(bytes);
  } catch (error) {
    if (isSealaneError(error)) throw invalid(error.message);
    throw error;
  }
}

function parseOwnKeycert(lease: Lease): ReturnType<typeof parseKeycert> {
  try {
    return parseKeycert(lease.keycert);
  } catch (error) {
    if (isSealaneError(error)) throw invalid('the keycert does not verify');
    throw error;
  }
}

function invalid(text: string): SealaneError {
  return relayError(RelayCode.LEASE_INVALID, text);
}
