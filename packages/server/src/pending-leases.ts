import { MessageKind, RelayCode, relayError, type SealaneError } from '@sealane/types';
import type { LeaseRecord } from './lease-store.js';
import type { RelayLink } from './link.js';
import type { Reporter } from './refusals.js';

/** Leases that wait at once, of one link and of all: what strangers can fill has an end. */
const MAX_PENDING_PER_LINK = 16;
const MAX_PENDING = 1_000;

interface Pending {
  readonly id: string;
  readonly request: number;
  readonly resume: () => void;
  readonly refuse: (error: SealaneError) => void;
}

/** Registrations that wait for an operator, as long as their links live; nothing of them is in force meanwhile. */
export class PendingLeases {
  readonly #reporter: Reporter;
  readonly #byLink = new Map<RelayLink, Map<string, Pending>>();
  /** Links whose dialing was told of. */
  readonly #told = new WeakSet<RelayLink>();
  #size = 0;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Says PENDING, and resolves when something has changed about the identity. `isFirst` is false where the request was told
   * before. @throws ERR_RELAY_BUSY at a limit, when the link ends, and when a newer request takes its place
   */
  wait(link: RelayLink, request: number, record: LeaseRecord, isFirst: boolean): Promise<void> {
    const { id, service, name } = record;
    const ofLink = this.#byLink.get(link) ?? new Map<string, Pending>();
    const before = ofLink.get(service);
    if (before !== undefined) {
      this.#remove(link, service);
      before.refuse(relayError(RelayCode.BUSY, 'a newer request for this lease took its place'));
    } else if (ofLink.size >= MAX_PENDING_PER_LINK || this.#size >= MAX_PENDING) {
      return Promise.reject(relayError(RelayCode.BUSY, 'too many leases wait for the operator'));
    }
    const waiting = new Promise<void>((resume, refuse) => {
      ofLink.set(service, { id, request, resume, refuse });
    });
    this.#byLink.set(link, ofLink);
    this.#size += 1;
    if (isFirst) {
      link.send({ kind: MessageKind.PENDING, request });
      this.#reporter.event({ type: 'pending', link: link.id, use: 'lease', id, service, name });
    }
    return waiting;
  }

  /** A dialer whose identity waits for approval; it was refused. Told once for each link. */
  tellDialer(link: RelayLink): void {
    if (this.#told.has(link)) return;
    this.#told.add(link);
    const { id, clientId } = link;
    this.#reporter.event({ type: 'pending', link: id, use: 'dial', id: clientId, service: '', name: null });
  }

  /** Something changed about an identity, or about any. */
  wake(id: string | undefined): void {
    for (const [link, ofLink] of [...this.#byLink]) {
      for (const [service, pending] of [...ofLink]) {
        if (id !== undefined && pending.id !== id) continue;
        this.#remove(link, service);
        pending.resume();
      }
    }
  }

  removeLink(link: RelayLink): void {
    const ofLink = [...(this.#byLink.get(link) ?? [])];
    for (const [service, pending] of ofLink) {
      this.#remove(link, service);
      pending.refuse(relayError(RelayCode.BUSY, 'the link is gone'));
    }
  }

  #remove(link: RelayLink, service: string): void {
    const ofLink = this.#byLink.get(link);
    if (ofLink?.delete(service) === true) this.#size -= 1;
    if (ofLink?.size === 0) this.#byLink.delete(link);
  }
}
