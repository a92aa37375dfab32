import type { Identity } from '@sealane/crypto/credential';
import { SignatureLabel } from '@sealane/crypto/signature';
import { encodeLease, type Register, type Registered } from '@sealane/protocol';
import { isSealaneError, LeaseFlag, MessageKind, RegisterFlag, SealaneError, Suite } from '@sealane/types';
import type { ClientContext } from '../client-context.js';
import { unasked } from '../link/link-error.js';
import type { RelayLink } from '../link/relay-link.js';
import { DEFAULT_ALPN, type ListenOptions } from '../options.js';

const DEFAULT_TTL_MS = 60_000;
const MAX_STALE_RETRIES = 3;
const MAX_AHEAD_US = 86_400_000_000;

export interface GrantedLease {
  readonly sequence: number;
  readonly askedTtlMs: number;
  readonly ttlMs: number;
  readonly name: string | null;
  /** The keycert that the lease names: another one in force means another lease. */
  readonly keycert: Uint8Array;
}

/** Sequence numbers of leases: they grow at each relay, over restarts too, by following the clock. */
export class LeaseSequence {
  readonly #last = new Map<string, number>();

  next(relayId: string, wallMs: number): number {
    const sequence = Math.max((this.#last.get(relayId) ?? 0) + 1, Math.floor(wallMs * 1_000));
    this.#last.set(relayId, sequence);
    return sequence;
  }

  /**
   * The relay has a higher one: the next goes above it. ERR_RELAY_LEASE_STALE when it is beyond tomorrow: then it is
   * not from this world, and following it would take the numbers away from every other relay's lease.
   */
  raise(relayId: string, stored: number, wallMs: number): void {
    if (stored > wallMs * 1_000 + MAX_AHEAD_US) {
      throw new SealaneError('ERR_RELAY_LEASE_STALE', 'the relay holds a lease from the future; check the clocks', {
        details: { value: stored },
      });
    }
    this.#last.set(relayId, Math.max(this.#last.get(relayId) ?? 0, stored));
  }
}

/** What a lease says beside the identity and the relay. */
export type LeaseContent = {
  readonly [Key in 'name' | 'alpn' | 'hideAlpn' | 'metadata' | 'public' | 'suites' | 'tickets' | 'ttlMs']?:
    | ListenOptions[Key]
    | undefined;
} & {
  /** For sessions that live on after their listener: no name, nothing to see. */
  readonly resumeOnly?: boolean;
};

/** The lease of a listener that closed while its sessions live. */
export function forResuming(content: LeaseContent): LeaseContent {
  const { alpn, suites, tickets, ttlMs } = content;
  return { resumeOnly: true, hideAlpn: true, alpn, suites, tickets, ttlMs };
}

export interface RegistrationOptions {
  readonly context: ClientContext;
  readonly link: RelayLink;
  readonly sequence: LeaseSequence;
  readonly service: string;
  readonly instance: Uint8Array;
  readonly listen: LeaseContent;
  readonly takeOver: boolean;
  readonly signal: AbortSignal | undefined;
  /** The relay lets the lease wait for its operator. */
  readonly onPending?: () => void;
}

/** Signs a lease and registers it, going above the stored sequence number when the relay has a higher one. */
export async function registerLease(options: RegistrationOptions): Promise<GrantedLease> {
  const { context, link, sequence, signal, takeOver, onPending } = options;
  const { relayId } = link.relay;
  for (let attempt = 0; ; attempt++) {
    const credential = await context.currentCredential();
    const number = sequence.next(relayId, context.clock.wallMs());
    const bytes = leaseBytes(options, credential, number);
    const signature = await credential.sign(SignatureLabel.LEASE, bytes);
    const flags = takeOver ? RegisterFlag.TAKE_OVER : 0;
    const create = (request: number): Register => ({
      kind: MessageKind.REGISTER,
      request,
      flags,
      lease: bytes,
      signature,
    });
    try {
      const answer = await link.request(create, { signal, onPending });
      return granted(answer as Registered, options, number, credential.keycert);
    } catch (error) {
      const stored = isSealaneError(error, 'ERR_RELAY_LEASE_STALE') && error.details['value'];
      if (typeof stored !== 'number' || attempt >= MAX_STALE_RETRIES) throw error;
      sequence.raise(relayId, stored, context.clock.wallMs());
    }
  }
}

function granted(
  answer: Registered,
  options: RegistrationOptions,
  sequence: number,
  keycert: Uint8Array,
): GrantedLease {
  const { service, listen } = options;
  const isOurs = answer.service === service && answer.sequence === sequence && answer.name === (listen.name ?? null);
  if (answer.kind !== MessageKind.REGISTERED || !isOurs) {
    throw unasked();
  }
  return { sequence, askedTtlMs: listen.ttlMs ?? DEFAULT_TTL_MS, ttlMs: answer.ttlMs, name: answer.name, keycert };
}

function leaseBytes(options: RegistrationOptions, credential: Identity, sequence: number): Uint8Array {
  const { link, listen, service, instance } = options;
  return encodeLease({
    audience: link.relay.relayKey,
    keycert: credential.keycert,
    service,
    instance,
    sequence,
    ttlMs: listen.ttlMs ?? DEFAULT_TTL_MS,
    name: listen.name ?? null,
    alpn: listen.hideAlpn === true ? null : (listen.alpn ?? [DEFAULT_ALPN]),
    suites: listen.suites ?? [Suite.HYBRID],
    flags:
      (listen.public === true ? LeaseFlag.PUBLIC : 0) |
      (listen.resumeOnly === true ? LeaseFlag.RESUME_ONLY : 0) |
      (listen.tickets === true ? LeaseFlag.TICKETS : 0),
    metadata: listen.metadata ?? new Uint8Array(0),
  });
}
