import type { RelayCode } from '@sealane/types';
import type { Awaitable } from '../lease-store.js';

/** Who wants what of the relay. */
export interface AdmissionQuestion {
  /** A lease, at its registration and at every renewal; or to look up, list and dial. */
  readonly use: 'lease' | 'dial';
  /** Text id of the link's key. */
  readonly id: string;
  /** Of the lease; empty for a dialer. */
  readonly service: string;
  readonly name: string | null;
  /** Of the client, as limits per address see it: behind a trusted proxy the one that it names. Undefined: nobody knows. */
  readonly address?: string | undefined;
}

/** What who is admitted may use at most, beside the limits of the relay; what is left out stays theirs. */
export interface AdmissionLimits {
  /** Relayed sessions of the lease at once, requests that wait among them. */
  readonly sessions?: number;
  /** Requests for a connection to the lease per second. */
  readonly connectsPerSecond?: number;
  /** Longest time of the lease, in milliseconds. */
  readonly leaseTtlMs?: number;
}

export type Verdict =
  | { readonly is: 'admitted'; readonly limits?: AdmissionLimits }
  /** With RelayCode.BUSY nobody could say: what is open stays open, nothing new gets in. */
  | { readonly is: 'refused'; readonly code: RelayCode; readonly reason: string }
  /** A person has to decide. */
  | { readonly is: 'waiting'; readonly reason: string };

/** What a token was worth. */
export type Enrolment = 'enrolled' | 'unknown' | 'expired' | 'used-up';

/** One way of being admitted. */
export interface AdmissionRule {
  /** It lets everybody in. */
  readonly isOpen?: boolean;
  judge(question: AdmissionQuestion): Awaitable<Verdict>;
  /** Of a rule with tokens: the identity showed one. */
  enrol?(id: string, token: Uint8Array): Awaitable<Enrolment>;
  /** Calls back when an answer that was given may be another one now: about an id, or about any. */
  watch?(onChange: (id: string | undefined) => void): void;
}

/** Who may use a relay. Every method is asked on live traffic; see {@link createAdmissionPolicy}. */
export interface AdmissionPolicy {
  /** Whether links may look up, list and dial whose key nobody knows. Owners decide about their dialers in any case. */
  readonly anonymousDialers: boolean;
  judge(question: AdmissionQuestion): Awaitable<Verdict>;
  /** What a token that an identity showed was worth; undefined where it needs none. */
  enrol(id: string, token: Uint8Array): Awaitable<Enrolment | undefined>;
  watch(onChange: (id: string | undefined) => void): void;
}
