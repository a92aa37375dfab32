import type { Present } from '@sealane/protocol';
import {
  isSealaneError,
  LinkFeature,
  MessageKind,
  ProofKind,
  RelayCode,
  relayError,
  type SealaneError,
} from '@sealane/types';
import type { FairQueue } from './fair-queue.js';
import type { LeaseManager, ServedLease } from './lease-manager.js';
import type { Awaitable, LeaseRecord } from './lease-store.js';
import type { RelayLink } from './link.js';
import type { RelayServerOptions } from './options.js';
import { PendingLeases } from './pending-leases.js';
import type { AdmissionLimits, AdmissionPolicy, AdmissionQuestion, Verdict } from './policy/admission.js';
import { formatIpAddress } from './policy/ip-address.js';
import { MemoryTicketUseStore } from './policy/ticket-use-store.js';
import type { RelayConfig } from './relay-config.js';
import { TicketDesk } from './ticket-desk.js';

/** How old the answer about a dialer may be before it is asked for again. */
const DIALER_ANSWER_MS = 60_000;

interface LinkState {
  /** Why the token that it showed was not taken. */
  tokenRefusal: string | undefined;
  /** It was let look up, list and dial. */
  isDialing: boolean;
  /** What the policy said of it as a dialer, or is about to say. */
  dialer: { readonly refusal: Awaitable<SealaneError | undefined>; askedMs: number } | undefined;
}

/** Asks the policy about everything that clients do, and ends what it does not allow any more (v1.md, "Admission"). */
export class AdmissionGate {
  readonly #config: RelayConfig;
  readonly #policy: AdmissionPolicy | undefined;
  readonly #leases: LeaseManager;
  readonly tickets: TicketDesk;
  readonly #links = new Map<RelayLink, LinkState>();
  readonly #byId = new Map<string, Set<RelayLink>>();
  readonly #pending: PendingLeases;
  #changes = 0;

  constructor(
    config: RelayConfig,
    options: Pick<RelayServerOptions, 'policy' | 'ticketUses'>,
    parts: { readonly leases: LeaseManager; readonly queue: FairQueue },
  ) {
    const { policy, ticketUses = new MemoryTicketUseStore() } = options;
    this.#config = config;
    this.#policy = policy;
    this.#leases = parts.leases;
    this.tickets = new TicketDesk(config, ticketUses, parts.queue);
    this.#pending = new PendingLeases(config.reporter);
    policy?.watch((id) => this.#onChange(id));
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  addLink(link: RelayLink): void {
    this.#links.set(link, { tokenRefusal: undefined, isDialing: false, dialer: undefined });
    const ofId = this.#byId.get(link.clientId) ?? new Set();
    this.#byId.set(link.clientId, ofId.add(link));
  }

  removeLink(link: RelayLink): void {
    this.#links.delete(link);
    const ofId = this.#byId.get(link.clientId);
    ofId?.delete(link);
    if (ofId?.size === 0) this.#byId.delete(link.clientId);
    this.#pending.removeLink(link);
    this.tickets.removeLink(link);
  }

  /** Answers PRESENTED. @throws ERR_RELAY_TOKEN, ERR_RELAY_TICKET, ERR_RELAY_MALFORMED where the feature is not in use */
  async present(link: RelayLink, message: Present): Promise<void> {
    const { request, proof, bytes } = message;
    if ((link.features & LinkFeature.ADMISSION) === 0) {
      throw relayError(RelayCode.MALFORMED, 'this link does not use ADMISSION');
    }
    if (proof === ProofKind.TICKET) await this.tickets.take(link, bytes.slice());
    else await this.#enrol(link, bytes.slice());
    link.send({ kind: MessageKind.PRESENTED, request });
  }

  /**
   * Resolves when the lease may be registered, after an operator's approval where one is needed. `register` is called
   * at once then, and looked at again if the policy changed meanwhile.
   */
  async admitLease(
    link: RelayLink,
    request: number,
    record: LeaseRecord,
    register: (limits: AdmissionLimits | undefined) => Promise<void>,
  ): Promise<void> {
    for (let isFirst = true; ; ) {
      const changes = this.#changes;
      const verdict = await this.#judge(questionOf(record, link));
      if (!link.isUp) throw relayError(RelayCode.BUSY, 'the link is gone');
      if (verdict.is === 'waiting') {
        if ((link.features & LinkFeature.ADMISSION) === 0) {
          throw relayError(RelayCode.DENIED, `${verdict.reason}: ${record.id}`);
        }
        // A change that came while the policy was asked is not to be missed.
        if (changes === this.#changes) {
          await this.#pending.wait(link, request, record, isFirst);
          isFirst = false;
        }
        continue;
      }
      if (verdict.is === 'refused') throw this.#refusal(link, verdict);
      await register(verdict.limits);
      if (changes !== this.#changes) await this.#recheckLink(link);
      return;
    }
  }

  /** Before a lease is renewed. Who is refused loses it at once. @throws relay errors */
  async admitRenewal(link: RelayLink, service: string): Promise<void> {
    if (this.#policy === undefined) return;
    for (const served of this.#leases.of(link)) {
      if (served.record.service !== service) continue;
      const verdict = await this.#judge(questionOf(served.record, link));
      if (verdict.is === 'admitted') this.#leases.limit(served, verdict.limits);
      else throw await this.#end(link, served, verdict);
    }
  }

  /**
   * Why the link may not look up, list and dial; undefined if it may. A promise where the policy has to ask elsewhere;
   * then the answer counts for a minute.
   */
  dialer(link: RelayLink): Awaitable<SealaneError | undefined> {
    if (this.#policy === undefined) return undefined;
    const state = this.#links.get(link);
    if (state === undefined) return relayError(RelayCode.DENIED);
    if (this.#policy.anonymousDialers) {
      // Dialers that were not asked who they are may have to say it later.
      state.isDialing = true;
      return undefined;
    }
    state.dialer ??= { refusal: this.#judgeDialer(link), askedMs: this.#config.clock.nowMs() };
    const { dialer } = state;
    // Only who waits for somebody else's answer keeps it: what is known here is asked every time.
    if (!(dialer.refusal instanceof Promise)) state.dialer = undefined;
    return dialer.refusal;
  }

  /** @throws what {@link dialer} says */
  async assertDialer(link: RelayLink): Promise<void> {
    const refusal = await this.dialer(link);
    if (refusal !== undefined) throw refusal;
  }

  /** About once a second: answers about dialers that have become old. */
  tick(nowMs: number): void {
    this.tickets.tick(nowMs);
    for (const [link, { dialer }] of this.#links) {
      if (dialer === undefined || nowMs - dialer.askedMs < DIALER_ANSWER_MS) continue;
      dialer.askedMs = nowMs;
      this.#watched(this.#recheckDialer(link));
    }
  }

  async #enrol(link: RelayLink, token: Uint8Array): Promise<void> {
    const state = this.#links.get(link);
    const enrolment = await this.#policy?.enrol(link.clientId, token);
    if (enrolment === undefined || enrolment === 'enrolled' || state === undefined) return;
    state.tokenRefusal = tokenProblems[enrolment];
    throw relayError(RelayCode.TOKEN, state.tokenRefusal);
  }

  async #judge(question: AdmissionQuestion): Promise<Verdict> {
    if (this.#policy === undefined) return { is: 'admitted' };
    try {
      return await this.#policy.judge(question);
    } catch (error) {
      return this.#unknown(error);
    }
  }

  /** A store that fails lets nobody in, and throws nobody out. */
  #unknown(error: unknown): Verdict {
    const code = isSealaneError(error) ? error.code : 'ERR_INTERNAL';
    this.#config.reporter.event({ type: 'fault', code, message: String(error) });
    return { is: 'refused', code: RelayCode.BUSY, reason: 'the relay cannot say who may use it' };
  }

  #judgeDialer(link: RelayLink): Awaitable<SealaneError | undefined> {
    const refused = (verdict: Verdict): SealaneError | undefined => {
      if (verdict.is === 'waiting') this.#pending.tellDialer(link);
      const state = this.#links.get(link);
      if (verdict.is === 'admitted' && state !== undefined) state.isDialing = true;
      return verdict.is === 'admitted' ? undefined : this.#refusal(link, verdict);
    };
    try {
      const verdict = this.#policy!.judge(aboutDialer(link));
      if (!(verdict instanceof Promise)) return refused(verdict);
      return verdict
        .then(refused, (error: unknown) => refused(this.#unknown(error)))
        .then((refusal) => {
          const state = this.#links.get(link);
          // Nobody could say: the next request asks again.
          if (isSealaneError(refusal, 'ERR_RELAY_BUSY') && state !== undefined) state.dialer = undefined;
          return refusal;
        });
    } catch (error) {
      return refused(this.#unknown(error));
    }
  }

  #refusal(link: RelayLink, verdict: Exclude<Verdict, { is: 'admitted' }>): SealaneError {
    if (verdict.is === 'waiting') return relayError(RelayCode.DENIED, verdict.reason);
    if (verdict.code !== RelayCode.TOKEN) return relayError(verdict.code, verdict.reason);
    const reason = this.#links.get(link)?.tokenRefusal ?? verdict.reason;
    // Who does not know of tokens does not know the code either.
    return relayError((link.features & LinkFeature.ADMISSION) === 0 ? RelayCode.DENIED : RelayCode.TOKEN, reason);
  }

  #onChange(id: string | undefined): void {
    this.#changes += 1;
    this.#pending.wake(id);
    const links = id === undefined ? this.#links.keys() : (this.#byId.get(id) ?? []);
    for (const link of [...links]) this.#watched(this.#recheckLink(link));
  }

  async #recheckLink(link: RelayLink): Promise<void> {
    await this.#recheckDialer(link);
    for (const served of this.#leases.of(link)) {
      const verdict = await this.#judge(questionOf(served.record, link));
      if (verdict.is === 'admitted') this.#leases.limit(served, verdict.limits);
      else if (verdict.is === 'waiting' || verdict.code !== RelayCode.BUSY) await this.#end(link, served, verdict);
    }
  }

  async #recheckDialer(link: RelayLink): Promise<void> {
    const state = this.#links.get(link);
    if (this.#policy === undefined || this.#policy.anonymousDialers || state === undefined) return;
    state.dialer = undefined;
    if (!state.isDialing) return;
    const refusal = await this.dialer(link);
    if (refusal === undefined || refusal.code === 'ERR_RELAY_BUSY' || !link.isUp) return;
    this.#config.reporter.event({ type: 'denied', link: link.id, id: link.clientId, reason: refusal.message });
    link.fail(refusal);
  }

  /** Ends a lease with all that goes on under it; the link too, if it was its last one, which tells its client at once. */
  async #end(
    link: RelayLink,
    served: ServedLease,
    verdict: Exclude<Verdict, { is: 'admitted' }>,
  ): Promise<SealaneError> {
    const refusal = this.#refusal(link, verdict);
    if (refusal.code === 'ERR_RELAY_BUSY') return refusal;
    await this.#leases.revoke(served);
    const { id, service } = served.record;
    this.#config.reporter.event({ type: 'denied', link: link.id, id, service, reason: refusal.message });
    if (link.isUp && this.#leases.of(link).length === 0) link.fail(refusal);
    return refusal;
  }

  #watched(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#config.reporter.event({ type: 'fault', code: 'ERR_INTERNAL', message: String(error) });
    });
  }
}

const tokenProblems = {
  unknown: 'the relay does not know this token',
  expired: 'the time of this token is over',
  'used-up': 'this token enrols nobody more',
} as const;

function questionOf({ id, service, name }: LeaseRecord, link: RelayLink): AdmissionQuestion {
  return { use: 'lease', id, service, name, address: addressOf(link) };
}

function aboutDialer(link: RelayLink): AdmissionQuestion {
  return { use: 'dial', id: link.clientId, service: '', name: null, address: addressOf(link) };
}

function addressOf({ origin: { ip } }: RelayLink): string | undefined {
  return ip === undefined ? undefined : formatIpAddress(ip);
}
