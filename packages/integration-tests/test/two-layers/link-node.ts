import { type MemoryBudget, Mux, type MuxHandler } from '@sealane/mux';
import type { SimulatedLink, VirtualClock } from '@sealane/testkit';
import { SealaneError } from '@sealane/types';
import type { LayerPlan } from './plan.js';

/** Makes data for the outer streams when the link has room for it. */
export interface Source {
  /** Writes one record if it may. False when there is nothing to write or no credit. */
  produce(): boolean;
}

/** One end of a link: an outer mux that is pulled when the socket can take it. */
export class LinkNode {
  readonly mux: Mux;
  readonly sources: Source[] = [];
  peakSocketBytes = 0;
  readonly #clock: VirtualClock;
  readonly #link: SimulatedLink;
  readonly #maxQueuedBytes: number;
  #isScheduled = false;

  constructor(
    clock: VirtualClock,
    link: SimulatedLink,
    role: 'opener' | 'acceptor',
    budget: MemoryBudget,
    plan: LayerPlan,
    maxQueuedBytes: number,
    handler: Omit<MuxHandler, 'onWritable'>,
  ) {
    this.#clock = clock;
    this.#link = link;
    this.#maxQueuedBytes = maxQueuedBytes;
    this.mux = new Mux({
      role,
      clock,
      budget,
      ...plan,
      maxOpenBytes: 64,
      sendWindowBytes: plan.receiveWindowBytes,
      maxInboundStreams: 1_024,
      maxOutboundStreams: 1_024,
      allowMessages: true,
      handler: { ...handler, onWritable: () => this.schedule() },
    });
    link.start({
      onMessage: (message) => this.mux.receive(message),
      onDrain: () => this.schedule(),
      onEnd: () => this.mux.close(new SealaneError('ERR_LINK_LOST')),
    });
  }

  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.schedule(0, () => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (let moved = true; moved && this.#link.queuedBytes < this.#maxQueuedBytes; ) {
      moved = false;
      for (const source of this.sources) moved = source.produce() || moved;
      const batch = this.mux.pull(262_144);
      if (batch === undefined) continue;
      moved = true;
      this.#link.send(Buffer.concat(batch.chunks));
      this.peakSocketBytes = Math.max(this.peakSocketBytes, this.#link.queuedBytes);
    }
  }
}
