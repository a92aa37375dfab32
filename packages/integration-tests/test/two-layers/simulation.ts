import { MemoryBudget, type MuxStream } from '@sealane/mux';
import { createLinkPair, type SimulatedLink, seededRandom, VirtualClock } from '@sealane/testkit';
import { ResetCode } from '@sealane/types';
import { Application } from './application.js';
import { LinkNode } from './link-node.js';
import { createPlan, type Defect, type LinkPlan, type Plan, type StreamPlan } from './plan.js';
import { RelayNode } from './relay-node.js';
import { SessionNode } from './session-node.js';

interface Conversation {
  readonly plan: StreamPlan;
  readonly key: number;
  readonly session: number;
  readonly previous: StreamPlan | undefined;
  readonly opener: Application;
  acceptor: Application | undefined;
}

export interface SimulationResult {
  readonly streams: number;
  readonly resets: number;
  readonly bytes: number;
}

/** dialer - relay - owner with all layers in virtual time, until nothing is left to happen. Throws on any violation. */
export function simulate(seed: number, defect: Defect = 'none'): SimulationResult {
  const plan = createPlan(seededRandom(seed), defect);
  return new Simulation(plan, defect).run();
}

class Simulation {
  readonly #plan: Plan;
  readonly #defect: Defect;
  readonly #clock = new VirtualClock();
  readonly #dialerBudget = new MemoryBudget(1 << 28);
  readonly #ownerBudget = new MemoryBudget(1 << 28);
  readonly #dialer: LinkNode;
  readonly #owner: LinkNode;
  readonly #relay: RelayNode;
  readonly #conversations: Conversation[] = [];
  readonly #sessionNodes: SessionNode[] = [];

  constructor(plan: Plan, defect: Defect) {
    this.#plan = plan;
    this.#defect = defect;
    const [dialerLink, toDialer] = this.#createLink(plan.links[0]);
    const [ownerLink, toOwner] = this.#createLink(plan.links[1]);
    const { outer, maxQueuedBytes } = plan;
    const clock = this.#clock;
    this.#relay = new RelayNode(clock, toDialer, toOwner, outer, maxQueuedBytes, defect);
    this.#dialer = new LinkNode(clock, dialerLink, 'opener', this.#dialerBudget, outer, maxQueuedBytes, {
      onOpen: () => {
        throw new Error('nothing is opened towards the dialer');
      },
    });
    this.#owner = new LinkNode(clock, ownerLink, 'opener', this.#ownerBudget, outer, maxQueuedBytes, {
      onOpen: (stream, open) => {
        const node = this.#createSession(open[0]!, false);
        node.start(stream);
      },
    });
    plan.sessions.forEach((_streams, index) => {
      const node = this.#createSession(index, true);
      node.start(this.#dialer.mux.openStream(Uint8Array.of(index), node));
    });
  }

  run(): SimulationResult {
    const events = this.#clock.runAll(2_000_000);
    const states = this.#conversations.map((conversation) => this.#finished(conversation));
    const unfinished = states.findIndex((isFinished) => !isFinished);
    const planned = this.#plan.sessions.reduce((sum, streams) => sum + streams.length, 0);
    if (states.length !== planned) throw new Error('a stream was never opened');
    if (unfinished >= 0)
      throw new Error(`stream ${unfinished} is unfinished and nothing is pending (${events} events)`);
    this.#assertBounds();
    this.#assertEmpty();
    return {
      streams: states.length,
      resets: this.#conversations.filter((conversation) => conversation.opener.isReset).length,
      bytes: this.#conversations.reduce((sum, { opener }) => sum + opener.sentBytes + opener.receivedBytes, 0),
    };
  }

  #createLink(plan: LinkPlan): readonly [SimulatedLink, SimulatedLink] {
    const pair = createLinkPair(this.#clock, {
      delayMs: plan.delayMs,
      bytesPerMs: plan.bytesPerMs,
      lowMarkBytes: Math.max(1, Math.min(32_768, this.#plan.maxQueuedBytes)),
    });
    for (const { atMs, forMs } of plan.pauses) {
      const link = pair[atMs % 2]!;
      this.#clock.schedule(atMs, () => link.pause());
      this.#clock.schedule(atMs + forMs, () => link.resume());
    }
    return pair;
  }

  #createSession(index: number, isDialer: boolean): SessionNode {
    const node = new SessionNode(
      this.#clock,
      isDialer ? this.#dialer : this.#owner,
      isDialer ? 'opener' : 'acceptor',
      isDialer ? this.#dialerBudget : this.#ownerBudget,
      this.#plan.inner,
      { onOpen: (stream, open) => this.#accept(stream, open[0]!) },
      this.#defect,
      () => this.#unreadBytes(index, isDialer),
    );
    this.#sessionNodes.push(node);
    const streams = this.#plan.sessions[index]!;
    streams.forEach((plan, at) => {
      if (plan.openedByDialer !== isDialer) return;
      this.#clock.schedule(plan.openAtMs, () => this.#open(node, index, plan, streams[at - 1]));
    });
    return node;
  }

  #open(node: SessionNode, session: number, plan: StreamPlan, previous: StreamPlan | undefined): void {
    const key = this.#conversations.length;
    const opener = new Application(this.#clock, plan.opener, plan.acceptor, key * 2, key * 2 + 1);
    const conversation: Conversation = { plan, key, session, previous, opener, acceptor: undefined };
    this.#conversations.push(conversation);
    opener.onProgress = () => this.#onProgress(session);
    const { holdUntilData } = plan;
    opener.stream = node.mux.openStream(Uint8Array.of(key), opener, { holdUntilData });
    opener.start();
    this.#onProgress(session);
    if (plan.reset === undefined) return;
    const { byOpener, atMs } = plan.reset;
    this.#clock.schedule(atMs, () => (byOpener ? opener : conversation.acceptor)?.reset(ResetCode.CANCELLED));
  }

  #accept(stream: MuxStream, key: number): void {
    const conversation = this.#conversations[key]!;
    const { plan, session } = conversation;
    const application = new Application(this.#clock, plan.acceptor, plan.opener, key * 2 + 1, key * 2);
    conversation.acceptor = application;
    application.onProgress = () => this.#onProgress(session);
    application.stream = stream;
    stream.handler = application;
    application.start();
    this.#onProgress(session);
  }

  /** Tells those who wait for the stream before theirs, and lets the defect return what was read. */
  #onProgress(session: number): void {
    // In an event of its own: a stream that just ended is still inside its callback.
    this.#clock.schedule(0, () => {
      const all = this.#conversations.filter((conversation) => conversation.session === session);
      for (const { previous, opener, acceptor } of all) {
        const before = all.find(({ plan }) => plan === previous);
        if (previous !== undefined && (before === undefined || !this.#finished(before))) continue;
        opener.onPreviousOver();
        acceptor?.onPreviousOver();
      }
      if (this.#defect === 'credit-follows-application') for (const node of this.#sessionNodes) node.returnCredit();
    });
  }

  #unreadBytes(session: number, isDialer: boolean): number {
    let bytes = 0;
    for (const conversation of this.#conversations) {
      if (conversation.session !== session) continue;
      const isOpener = conversation.plan.openedByDialer === isDialer;
      bytes += (isOpener ? conversation.opener : conversation.acceptor)?.unreadBytes ?? 0;
    }
    return bytes;
  }

  #finished({ plan, opener, acceptor }: Conversation): boolean {
    if (acceptor === undefined) return opener.isReset;
    if (opener.isComplete && acceptor.isComplete) return true;
    if (plan.reset === undefined || !(opener.isReset || acceptor.isReset)) return false;
    // One side may have finished before the other was reset; neither may be left waiting.
    return (opener.isReset || opener.isComplete) && (acceptor.isReset || acceptor.isComplete);
  }

  #assertBounds(): void {
    const { outer, inner, maxQueuedBytes } = this.#plan;
    assertAtMost(this.#relay.peakQueuedBytes, outer.maxReceiveWindowBytes, 'a queue in the relay');
    for (const node of [this.#dialer, this.#owner, this.#relay.dialerSide, this.#relay.ownerSide]) {
      assertAtMost(node.peakSocketBytes, maxQueuedBytes + 262_144, 'a socket');
    }
    for (const node of this.#sessionNodes) {
      assertAtMost(node.peakBufferedBytes, inner.maxRecordBytes + 3, 'a half-received record');
      assertAtMost(node.peakQueuedBytes, outer.maxReceiveWindowBytes, 'records that wait');
    }
  }

  #assertEmpty(): void {
    for (const budget of [this.#dialerBudget, this.#ownerBudget, this.#relay.budget]) {
      // What the relayed streams keep is at most a credit that was not due yet, never bytes.
      if (budget.used !== 0) throw new Error(`${budget.used} bytes are still charged`);
    }
    for (const node of this.#sessionNodes) {
      if (node.mux.streamCount !== 0) throw new Error('a finished stream is still known');
      if (node.mux.hasPending) throw new Error('something waits and nobody sends it');
    }
  }
}

function assertAtMost(value: number, bound: number, what: string): void {
  if (value > bound) throw new Error(`${what} held ${value} bytes, more than ${bound}`);
}
