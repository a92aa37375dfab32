import { MemoryBudget, type MuxStream, type StreamHandler } from '@sealane/mux';
import type { SimulatedLink, VirtualClock } from '@sealane/testkit';
import { LinkNode } from './link-node.js';
import type { Defect, LayerPlan } from './plan.js';

/** Forwards the streams of one link to the other; credit of one side returns as bytes leave on the other. */
export class RelayNode {
  readonly budget: MemoryBudget = new MemoryBudget(1 << 28);
  readonly dialerSide: LinkNode;
  readonly ownerSide: LinkNode;
  peakQueuedBytes = 0;
  readonly #defect: Defect;

  constructor(
    clock: VirtualClock,
    toDialer: SimulatedLink,
    toOwner: SimulatedLink,
    plan: LayerPlan,
    maxQueuedBytes: number,
    defect: Defect,
  ) {
    this.#defect = defect;
    this.ownerSide = new LinkNode(clock, toOwner, 'acceptor', this.budget, plan, maxQueuedBytes, {
      onOpen: () => {
        throw new Error('owners open nothing here');
      },
    });
    this.dialerSide = new LinkNode(clock, toDialer, 'acceptor', this.budget, plan, maxQueuedBytes, {
      onOpen: (stream, open) => this.#forward(stream, open),
    });
  }

  #forward(from: MuxStream, open: Uint8Array): void {
    const to = this.ownerSide.mux.openStream(
      open,
      this.#half(
        () => to,
        () => from,
      ),
    );
    from.handler = this.#half(
      () => from,
      () => to,
    );
  }

  #half(own: () => MuxStream, other: () => MuxStream): StreamHandler {
    return {
      onData: (chunk, fin) => {
        other().write(chunk);
        if (fin) other().end();
        if (this.#defect === 'credit-on-receipt') own().consume(chunk.length);
        this.peakQueuedBytes = Math.max(this.peakQueuedBytes, other().queuedBytes);
      },
      onSent: (bytes) => {
        if (this.#defect !== 'credit-on-receipt') other().consume(bytes);
      },
      onReset: (_error, code) => other().reset(code),
      onDrain: () => {
        if (own().queuedBytes !== 0) throw new Error('a drained stream is not empty');
      },
    };
  }
}
