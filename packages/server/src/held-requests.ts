import type { MuxStream, StreamHandler } from '@sealane/mux';
import type { Resume } from '@sealane/protocol';
import { MessageKind, RelayCode, ResumptionLimit } from '@sealane/types';
import { CONNECTION_BYTES } from './forwarding-handler.js';
import type { ServedLease } from './lease-manager.js';
import type { RelayLink } from './link.js';
import type { RelayConfig } from './relay-config.js';
import { instanceKey } from './resume-only-leases.js';

/** Requests that wait at once, whoever sent them. */
const MAX_HELD = 4_096;
/** Of one link: as many as a client has sessions that resume. Nobody takes the places of all others. */
const MAX_HELD_PER_LINK = 256;

interface Held {
  readonly link: RelayLink;
  readonly stream: MuxStream;
  readonly request: Resume;
  readonly key: string;
  readonly untilMs: number;
}

export interface HeldRequestsHandler {
  forward(link: RelayLink, stream: MuxStream, request: Resume, lease: ServedLease): void;
  refuse(link: RelayLink, stream: MuxStream, request: Resume, code: RelayCode): void;
}

/** RESUME requests for owners that are on their way back (v1.md, "Starting a path", HELD). */
export class HeldRequests {
  readonly #config: RelayConfig;
  readonly #handler: HeldRequestsHandler;
  /** In the order of their deadlines. */
  readonly #held = new Set<Held>();
  readonly #byLink = new Map<RelayLink, number>();

  constructor(config: RelayConfig, handler: HeldRequestsHandler) {
    this.#config = config;
    this.#handler = handler;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Says HELD and waits for the owner's process, at most 5 s. */
  hold(link: RelayLink, stream: MuxStream, request: Resume): void {
    const { budget, clock } = this.#config;
    const ofLink = this.#byLink.get(link) ?? 0;
    if (this.#held.size >= MAX_HELD || ofLink >= MAX_HELD_PER_LINK || budget.refusesStreams) {
      this.#handler.refuse(link, stream, request, RelayCode.BUSY);
      return;
    }
    const held: Held = {
      link,
      stream,
      // What waits must not keep the message alive that it came in.
      request: copyOf(request),
      key: instanceKey(request.owner, request.service, request.instance),
      untilMs: clock.nowMs() + ResumptionLimit.heldMs,
    };
    budget.take(CONNECTION_BYTES);
    this.#held.add(held);
    this.#byLink.set(link, ofLink + 1);
    stream.handler = this.#handlerOf(held);
    link.send({ kind: MessageKind.HELD }, stream);
  }

  /** A process of an owner is there. */
  onOwner(key: string, lease: ServedLease): void {
    for (const held of [...this.#held]) {
      if (held.key === key && this.#take(held)) this.#handler.forward(held.link, held.stream, held.request, lease);
    }
  }

  /** About once a second: owners that did not come. */
  tick(nowMs: number): void {
    for (const held of this.#held) {
      if (held.untilMs > nowMs) break;
      if (this.#take(held)) this.#handler.refuse(held.link, held.stream, held.request, RelayCode.NO_SESSION);
    }
  }

  #take(held: Held): boolean {
    if (!this.#held.delete(held)) return false;
    const left = (this.#byLink.get(held.link) ?? 1) - 1;
    if (left === 0) this.#byLink.delete(held.link);
    else this.#byLink.set(held.link, left);
    this.#config.budget.release(CONNECTION_BYTES);
    return true;
  }

  /** Nothing belongs on the stream before the owner's answer. */
  #handlerOf(held: Held): StreamHandler {
    return {
      onData: () => {
        if (this.#take(held)) this.#handler.refuse(held.link, held.stream, held.request, RelayCode.MALFORMED);
      },
      onReset: () => {
        this.#take(held);
      },
    };
  }
}

function copyOf(request: Resume): Resume {
  const { owner, instance, resumeId, sealed } = request;
  return {
    ...request,
    owner: owner.slice(),
    instance: instance.slice(),
    resumeId: resumeId.slice(),
    sealed: sealed.slice(),
  };
}
