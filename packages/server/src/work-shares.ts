import type { Clock } from '@sealane/types';
import { FairQueue } from './fair-queue.js';
import type { RelayLimits } from './limits.js';
import type { LimitedPart } from './live-limits.js';

/** What a new connection costs beside the measured parts: accepting, reading HTTP, closing. */
const ARRIVAL_EXTRA_MS = 0.05;
/** What a CONNECT costs beside its handling: reading it, and writing what it causes. */
const CONNECT_EXTRA_MS = 0.03;

/** How much of a core strangers may take, by what they ask for. Nothing of it is forwarding. */
export class WorkShares implements LimitedPart {
  /** New connections, up to HELLO. */
  readonly arrivals: FairQueue;
  /** Signatures of AUTH. */
  readonly auth: FairQueue;
  /** Signatures of leases and tickets. */
  readonly leases: FairQueue;
  /** CONNECT, whoever asks and whatever the answer. */
  readonly connects: FairQueue;
  readonly #limits: RelayLimits;

  constructor(limits: RelayLimits, clock: Clock) {
    this.#limits = limits;
    this.arrivals = new FairQueue(clock, limits.arrivalCpuShare, { extraMs: ARRIVAL_EXTRA_MS });
    this.auth = new FairQueue(clock, limits.authCpuShare);
    this.leases = new FairQueue(clock, leaseShare(limits.authCpuShare));
    this.connects = new FairQueue(clock, limits.connectCpuShare, { extraMs: CONNECT_EXTRA_MS });
  }

  applyLimits(): void {
    const { arrivalCpuShare, authCpuShare, connectCpuShare } = this.#limits;
    this.arrivals.setShare(arrivalCpuShare);
    this.auth.setShare(authCpuShare);
    this.leases.setShare(leaseShare(authCpuShare));
    this.connects.setShare(connectCpuShare);
  }

  close(): void {
    for (const queue of [this.arrivals, this.auth, this.leases, this.connects]) queue.close();
  }
}

/** Half, but where nothing is limited that is not either. */
function leaseShare(authCpuShare: number): number {
  return authCpuShare >= 1 ? 1 : authCpuShare / 2;
}
