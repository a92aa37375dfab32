import { bytesEqual } from '@sealane/crypto';
import type { Superseded } from '@sealane/protocol';
import { isSealaneError, MessageKind, SealaneError, SupersededBy, type Timer } from '@sealane/types';
import { pause } from './abort-signal.js';
import { asSealaneError } from './as-sealane-error.js';
import type { ClientContext } from './client-context.js';
import {
  forResuming,
  type GrantedLease,
  type LeaseContent,
  LeaseSequence,
  registerLease,
} from './lease/lease-state.js';
import { Backoff } from './link/backoff.js';
import { unasked } from './link/link-error.js';
import type { RelayLink } from './link/relay-link.js';
import type { ListenOptions } from './options.js';
import type { StatusEvent } from './status.js';

/** What the owner of a lease is told. */
export interface LeaseHandler {
  /** The relay refused the lease for good, or gave it to another process; nothing follows. */
  onLost(error: SealaneError): void;
}

type LeaseStep =
  | { readonly step: 'waiting' }
  | { readonly step: 'registering'; readonly link: RelayLink }
  | { readonly step: 'held'; readonly link: RelayLink; readonly granted: GrantedLease }
  | { readonly step: 'ended' };

interface ManagedLease {
  readonly key: string;
  readonly service: string;
  readonly instance: Uint8Array;
  readonly listen: LeaseContent;
  readonly handler: LeaseHandler;
  readonly backoff: Backoff;
  state: LeaseStep;
  timer: Timer | undefined;
}

type LeaseEventState = Extract<StatusEvent, { type: 'lease' }>['state'];

/** A relay that grants less does not get more requests for it. */
const LEAST_RENEWAL_MS = 1_000;

/** Who closes does not wait longer for a relay's word about it. */
const RELEASE_WAIT_MS = 2_000;

/** A wait for a busy relay goes on in steps: the lease may be given up meanwhile. */
const PAUSE_STEP_MS = 1_000;

/** How soon a lease follows new keys: one look at the key file each time. */
const KEY_WATCH_MS = 1_000;

/** Keeps leases: renews them at a third of their time and registers them again on every new link. */
export class LeaseManager {
  readonly #context: ClientContext;
  readonly #url: string;
  readonly #leases = new Map<string, ManagedLease>();
  readonly #sequence = new LeaseSequence();
  #link: RelayLink | undefined;
  #keyWatch: Timer | undefined;

  /** `url` is the relay's, for events. */
  constructor(context: ClientContext, url: string) {
    this.#context = context;
    this.#url = url;
  }

  /**
   * Registers a lease and keeps it from then on. Rejects with the relay's refusal, and the lease is not kept then. With
   * `retry` a relay that is busy is asked again, not before it says.
   */
  async register(
    link: RelayLink,
    service: string,
    instance: Uint8Array,
    listen: ListenOptions,
    handler: LeaseHandler,
  ): Promise<GrantedLease> {
    const { clock, timing } = this.#context;
    const lease = this.#add(service, instance, listen, handler);
    try {
      for (;;) {
        try {
          return await this.#request(lease, link, listen);
        } catch (error) {
          if (!listen.retry || !isSealaneError(error, 'ERR_RELAY_BUSY')) throw error;
          this.#tell(lease, 'waiting', error);
          const askedMs = Math.min(Number(error.details['value'] ?? 0), timing.reconnectMaxMs);
          let leftMs = askedMs + lease.backoff.nextMs(false);
          for (; leftMs > 0; leftMs -= PAUSE_STEP_MS) {
            await pause(clock, Math.min(leftMs, PAUSE_STEP_MS), listen.signal);
            if (!this.#isKept(lease)) throw new SealaneError('ERR_CLOSED');
          }
        }
      }
    } catch (error) {
      this.#forget(lease);
      throw error;
    }
  }

  /** Registers a lease as soon as there is a link for it, and keeps it from then on. A refusal is told to the handler. */
  keep(service: string, instance: Uint8Array, listen: ListenOptions, handler: LeaseHandler): void {
    this.#registerAgain(this.#add(service, instance, listen, handler));
  }

  /** Keeps the relay's way to this process for sessions of a listener that closed; until {@link releaseForResuming}. */
  keepForResuming(service: string, instance: Uint8Array, listen: ListenOptions): void {
    this.#registerAgain(this.#add(service, instance, forResuming(listen), { onLost: () => undefined }));
  }

  releaseForResuming(service: string): Promise<void> {
    return this.#release(resumeKey(service));
  }

  /** Gives the lease up at once. What the relay says to it changes nothing. */
  release(service: string): Promise<void> {
    return this.#release(service);
  }

  async #release(key: string): Promise<void> {
    const lease = this.#leases.get(key);
    if (lease === undefined) return;
    const { state, service } = lease;
    this.#forget(lease);
    if (state.step !== 'held' || !state.link.isUp) return;
    const { sequence } = state.granted;
    const stop = new AbortController();
    const timer = this.#context.clock.schedule(RELEASE_WAIT_MS, () => stop.abort());
    await state.link
      .request((request) => ({ kind: MessageKind.RELEASE, request, service, sequence }), stop)
      .catch(() => undefined);
    timer.cancel();
    this.#tell(lease, 'released');
  }

  /** A link is up: every lease is registered on it. */
  onLinkUp(link: RelayLink): void {
    this.#link = link;
    for (const lease of this.#leases.values()) {
      if (lease.state.step === 'waiting' || lease.state.step === 'held') this.#registerAgain(lease);
    }
  }

  onLinkDown(link: RelayLink, error: SealaneError): void {
    if (this.#link === link) this.#link = undefined;
    for (const lease of this.#leases.values()) {
      if (lease.state.step === 'held' && lease.state.link === link) this.#await(lease, error);
    }
  }

  /** This identity gets no link any more. */
  onDenied(error: SealaneError): void {
    for (const lease of this.#leases.values()) this.#lose(lease, error);
  }

  onSuperseded(link: RelayLink, message: Superseded): void {
    const lease = this.#leases.get(message.service);
    if (lease === undefined || lease.state.step !== 'held' || lease.state.link !== link) return;
    if (message.by === SupersededBy.OTHER_INSTANCE) {
      this.#lose(lease, new SealaneError('ERR_RELAY_SUPERSEDED'));
      return;
    }
    // Our own process took it over on a newer link; the news is for the old one. On the link in use it is a surprise
    // that registering settles.
    if (this.#link === link) this.#retry(lease);
  }

  close(): void {
    for (const lease of [...this.#leases.values()]) this.#forget(lease);
  }

  #add(service: string, instance: Uint8Array, listen: LeaseContent, handler: LeaseHandler): ManagedLease {
    const backoff = new Backoff(this.#context.timing, this.#context.random);
    const state = { step: 'waiting' } as const;
    const key = listen.resumeOnly === true ? resumeKey(service) : service;
    const lease: ManagedLease = { key, service, instance, listen, handler, backoff, state, timer: undefined };
    this.#leases.set(key, lease);
    this.#watchKeys();
    return lease;
  }

  async #request(
    lease: ManagedLease,
    link: RelayLink,
    asked: Pick<ListenOptions, 'takeOver' | 'signal'> = {},
  ): Promise<GrantedLease> {
    lease.state = { step: 'registering', link };
    const { takeOver = false, signal } = asked;
    const { service, instance, listen } = lease;
    const context = this.#context;
    const sequence = this.#sequence;
    const onPending = (): void => this.#tell(lease, 'pending');
    const options = { context, link, sequence, service, instance, listen, takeOver, signal, onPending };
    const granted = await registerLease(options);
    if (!this.#isKept(lease)) {
      const { sequence: number } = granted;
      link
        .request((request) => ({ kind: MessageKind.RELEASE, request, service, sequence: number }))
        .catch(() => undefined);
      throw new SealaneError('ERR_CLOSED');
    }
    lease.backoff.reset();
    lease.state = { step: 'held', link, granted };
    this.#scheduleRenewal(lease, granted, granted.ttlMs);
    this.#tell(lease, 'registered');
    if (!link.isUp) this.onLinkDown(link, new SealaneError('ERR_LINK_LOST', undefined, { retryable: true }));
    return granted;
  }

  #registerAgain(lease: ManagedLease): void {
    const link = this.#link;
    lease.timer?.cancel();
    if (!this.#isKept(lease)) return;
    if (link === undefined) {
      lease.state = { step: 'waiting' };
      return;
    }
    this.#request(lease, link).catch((cause: unknown) => {
      if (!this.#isKept(lease)) return;
      const error = asSealaneError(cause);
      if (!error.retryable && isForGood(error)) return this.#lose(lease, error);
      this.#await(lease, error);
      if (link.isUp) this.#retry(lease);
      // A link that came up while this one was failing did not find the lease waiting.
      else if (this.#link !== undefined && this.#link !== link) this.#registerAgain(lease);
    });
  }

  #retry(lease: ManagedLease): void {
    lease.timer?.cancel();
    lease.state = { step: 'waiting' };
    lease.timer = this.#context.clock.schedule(lease.backoff.nextMs(false), () => this.#registerAgain(lease));
  }

  #scheduleRenewal(lease: ManagedLease, { askedTtlMs }: GrantedLease, ttlMs: number): void {
    lease.timer?.cancel();
    // Who is granted more than was asked for does not lean on it.
    const delayMs = Math.max(Math.min(ttlMs, askedTtlMs) / 3, LEAST_RENEWAL_MS);
    lease.timer = this.#context.clock.schedule(delayMs, () => {
      this.#renew(lease, ttlMs - delayMs).catch(() => this.#registerAgain(lease));
    });
  }

  /** `ttlMs`: what is left of the lease's time. */
  async #renew(lease: ManagedLease, ttlMs: number): Promise<void> {
    const { state } = lease;
    if (state.step !== 'held') return;
    const { link, granted } = state;
    const credential = await this.#context.currentCredential();
    if (lease.state !== state) return;
    if (!bytesEqual(credential.keycert, granted.keycert)) return this.#registerAgain(lease);
    const { service } = lease;
    const { sequence } = granted;
    try {
      const answer = await link.request((request) => ({ kind: MessageKind.RENEW, request, service, sequence }));
      if (answer.kind !== MessageKind.RENEWED) throw unasked();
      ttlMs = answer.ttlMs;
    } catch (error) {
      // A lease that is in force is not given up for a busy relay, nor is more asked of it, while there is time.
      if (ttlMs <= 0 || !isSealaneError(error, 'ERR_RELAY_BUSY')) throw error;
    }
    if (lease.state === state) this.#scheduleRenewal(lease, granted, ttlMs);
  }

  /** Looks for new keys while there are leases that name the old ones. */
  #watchKeys(): void {
    if (!this.#context.isCredentialWatched || this.#keyWatch !== undefined) return;
    const timer = this.#context.clock.schedule(KEY_WATCH_MS, () => {
      // A file that cannot be read now is reported by whoever needs it; the next look may find it.
      const looked = this.#followKeys().catch(() => undefined);
      void looked.then(() => {
        if (this.#keyWatch !== timer) return;
        this.#keyWatch = undefined;
        this.#watchKeys();
      });
    });
    this.#keyWatch = timer;
  }

  async #followKeys(): Promise<void> {
    const { keycert } = await this.#context.currentCredential();
    for (const lease of this.#leases.values()) {
      if (lease.state.step === 'held' && !bytesEqual(keycert, lease.state.granted.keycert)) this.#registerAgain(lease);
    }
  }

  #await(lease: ManagedLease, error: SealaneError): void {
    lease.timer?.cancel();
    lease.state = { step: 'waiting' };
    this.#tell(lease, 'waiting', error);
  }

  #lose(lease: ManagedLease, error: SealaneError): void {
    this.#forget(lease);
    this.#tell(lease, 'refused', error);
    lease.handler.onLost(error);
  }

  /** Leases for resuming alone are nothing that an application asked for. */
  #tell(lease: ManagedLease, state: LeaseEventState, error?: SealaneError): void {
    const { service, listen } = lease;
    if (listen.resumeOnly === true) return;
    const name = listen.name ?? null;
    this.#context.onStatus({ type: 'lease', url: this.#url, state, service, name, ...(error && { error }) });
  }

  #isKept(lease: ManagedLease): boolean {
    return this.#leases.get(lease.key) === lease;
  }

  #forget(lease: ManagedLease): void {
    lease.timer?.cancel();
    lease.state = { step: 'ended' };
    if (this.#isKept(lease)) this.#leases.delete(lease.key);
    if (this.#leases.size > 0) return;
    this.#keyWatch?.cancel();
    this.#keyWatch = undefined;
  }
}

/** No service is called so: the two leases of one service are kept apart. */
function resumeKey(service: string): string {
  return `${service} resume`;
}

/** Refusals that stay, whatever link asks. What the link itself lacks is not one of them. */
function isForGood(error: SealaneError): boolean {
  return /^ERR_(RELAY_|PROTOCOL_|ARGUMENT$)/.test(error.code);
}
