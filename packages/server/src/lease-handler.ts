import { bytesEqual } from '@sealane/crypto';
import { encodeId, parseKeycert } from '@sealane/crypto/credential';
import { SignatureLabel, verify } from '@sealane/crypto/signature';
import { decodeLease, type Lease, type Register } from '@sealane/protocol';
import {
  isSealaneError,
  LeaseFlag,
  MessageKind,
  RegisterFlag,
  RelayCode,
  relayError,
  type SealaneError,
} from '@sealane/types';
import type { AdmissionGate } from './admission-gate.js';
import type { FairQueue } from './fair-queue.js';
import type { LeaseManager } from './lease-manager.js';
import type { LeaseRecord } from './lease-store.js';
import type { RelayLink } from './link.js';
import { refuseLease } from './policy/lease-rules.js';
import type { UsagePolicy } from './policy/usage-policy.js';
import type { RelayConfig } from './relay-config.js';

/** Registrations whose signatures are still to be checked, of one link and of all. */
const MAX_WAITING_PER_LINK = 16;
const MAX_WAITING = 2_000;
const noMetadata: Uint8Array = new Uint8Array(0);

export interface LeaseHandlerParts {
  readonly leases: LeaseManager;
  readonly usage: UsagePolicy;
  readonly queue: FairQueue;
  readonly gate: AdmissionGate;
}

/** REGISTER: who may put which lease in force (v1.md, "Leases"). */
export class LeaseHandler {
  readonly #config: RelayConfig;
  readonly #leases: LeaseManager;
  readonly #usage: UsagePolicy;
  readonly #queue: FairQueue;
  readonly #gate: AdmissionGate;
  readonly #waitingOf = new Map<RelayLink, number>();

  constructor(config: RelayConfig, parts: LeaseHandlerParts) {
    const { leases, usage, queue, gate } = parts;
    this.#config = config;
    this.#usage = usage;
    this.#leases = leases;
    this.#queue = queue;
    this.#gate = gate;
  }

  /** Answers REGISTERED. @throws relay errors, ERR_PROTOCOL_* */
  async register(link: RelayLink, message: Register): Promise<void> {
    const { request, flags } = message;
    const asked = await this.#inTurn(link, message);
    this.#assertAllowed(link, asked);
    await this.#gate.admitLease(link, request, asked, async (limits) => {
      // It may have waited for an operator.
      this.#assertAllowed(link, asked);
      const ttlMs = Math.min(asked.ttlMs, Math.max(1, limits?.leaseTtlMs ?? asked.ttlMs));
      const record = { ...asked, ttlMs };
      await this.#leases.register(link, record, (flags & RegisterFlag.TAKE_OVER) !== 0, limits);
      // A ban or a rule may have come while the store was asked; then nobody has seen this lease among those in force.
      const late = refuseLease(this.#config, record);
      if (late !== undefined) {
        const served = this.#leases.route(record.identity, record.service);
        if (served?.record === record) await this.#leases.deny(served);
        throw late;
      }
      const { service, sequence, name } = asked;
      link.send({ kind: MessageKind.REGISTERED, request, service, sequence, ttlMs, name });
    });
  }

  /** @throws relay errors */
  #assertAllowed(link: RelayLink, record: LeaseRecord): void {
    const refusal = refuseLease(this.#config, record) ?? this.#refuseAnother(link, record);
    if (refusal !== undefined) throw refusal;
  }

  /** A lease in place of one that counts already is none more. */
  #refuseAnother(link: RelayLink, { identity, service }: LeaseRecord): SealaneError | undefined {
    const before = this.#leases.route(identity, service);
    const isCounted = before !== undefined && before.link.origin.usage === link.origin.usage;
    return isCounted ? undefined : this.#usage.refuseLease(link);
  }

  /** Signature checks take a share of a core, so that nobody's registrations hold up what others send. */
  #inTurn(link: RelayLink, message: Register): Promise<LeaseRecord> {
    const waiting = this.#waitingOf.get(link) ?? 0;
    if (waiting >= MAX_WAITING_PER_LINK || this.#queue.length >= MAX_WAITING) {
      throw relayError(RelayCode.BUSY, 'too many leases wait to be checked');
    }
    // Copies: what waits must not keep the message alive that it came in.
    const own = { ...message, lease: message.lease.slice(), signature: message.signature.slice() };
    this.#waitingOf.set(link, waiting + 1);
    return new Promise((resolve, reject) => {
      this.#queue.submit(() => {
        const left = (this.#waitingOf.get(link) ?? 1) - 1;
        if (left === 0) this.#waitingOf.delete(link);
        else this.#waitingOf.set(link, left);
        try {
          if (!link.isUp) throw relayError(RelayCode.BUSY, 'the link is gone');
          resolve(this.#accept(link, own));
        } catch (error) {
          reject(error);
        }
      }, link.origin.usage ?? link);
    });
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
    // One piece of memory for what is kept as long as the lease.
    const own = new Uint8Array(keycert.bytes.length + lease.instance.length);
    own.set(keycert.bytes);
    own.set(lease.instance, keycert.bytes.length);
    return {
      id: encodeId(keycert.publicKey),
      identity: link.clientKey,
      service: lease.service,
      instance: own.subarray(keycert.bytes.length),
      sequence: lease.sequence,
      name: lease.name,
      keycert: own.subarray(0, keycert.bytes.length),
      alpn: lease.alpn === null ? null : [...lease.alpn],
      suites: [...lease.suites],
      flags: lease.flags,
      metadata: lease.metadata.length === 0 ? noMetadata : lease.metadata.slice(),
      ttlMs: Math.min(limits.leaseTtlMaxMs, Math.max(limits.leaseTtlMinMs, lease.ttlMs)),
      holder: link.id,
      signed: (lease.flags & LeaseFlag.PUBLIC) === 0 ? null : { lease: message.lease, signature: message.signature },
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
