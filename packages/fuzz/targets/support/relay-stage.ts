import { SigningKey } from '@sealane/crypto/credential';
import { createLinkPair, type SimulatedLink, seededRandom, VirtualClock } from '@sealane/testkit';
import type { RelayEvent } from '../../../server/src/event.js';
import type { RelayServerOptions } from '../../../server/src/options.js';
import { RelayServer } from '../../../server/src/relay-server.js';
import { type ClientOptions, ScriptedClient } from '../../../server/test/scripted-client.js';
import { knownIdentities } from '../../src/identities.js';
import { assertRule } from '../../src/violation.js';

export interface ScriptedEnd {
  readonly client: ScriptedClient;
  /** The client's end of the link. */
  readonly link: SimulatedLink;
}

/** A real relay in virtual time with links in memory; the same in every run. */
export class RelayStage {
  readonly clock: VirtualClock;
  readonly events: readonly RelayEvent[];
  readonly relay: RelayServer;
  /** The relay's identity. */
  readonly key: Uint8Array;

  private constructor(clock: VirtualClock, events: readonly RelayEvent[], relay: RelayServer) {
    this.clock = clock;
    this.events = events;
    this.relay = relay;
    this.key = knownIdentities().stranger.publicKey;
  }

  static async create(options: Partial<RelayServerOptions> = {}): Promise<RelayStage> {
    const clock = new VirtualClock();
    const events: RelayEvent[] = [];
    const relay = await RelayServer.create({
      identity: knownIdentities().stranger,
      nodeKey: SigningKey.create(seededRandom(21)),
      clock,
      random: seededRandom(22),
      onEvent: (event) => void events.push(event),
      ...options,
    });
    return new RelayStage(clock, events, relay);
  }

  /** A link to the relay: the near end for whoever talks. */
  link(): SimulatedLink {
    const [near, far] = createLinkPair(this.clock, { lowMarkBytes: 131_072 });
    this.relay.accept(far);
    return near;
  }

  async connect(options: ClientOptions = {}): Promise<ScriptedEnd> {
    const link = this.link();
    const client = new ScriptedClient(link, this.clock, options);
    await this.pass();
    return { client, link };
  }

  pass(ms = 1): Promise<void> {
    return this.clock.advanceAsync(ms);
  }

  /** What must be true at any time. */
  check(): void {
    const { budgetUsedBytes, budgetLimitBytes } = this.relay.statistics();
    assertRule(budgetUsedBytes >= 0 && budgetUsedBytes <= budgetLimitBytes, `the budget is kept: ${budgetUsedBytes}`);
    const fault = this.events.find(({ type }) => type === 'fault');
    assertRule(fault === undefined, `the relay has no fault of its own: ${JSON.stringify(fault)}`);
  }

  /** When everybody has gone nothing is left. */
  async finish(ends: readonly ScriptedEnd[]): Promise<void> {
    for (const { link } of ends) {
      link.resume();
      link.abort();
    }
    await this.pass(1_000);
    this.check();
    const { links, sessions, waitingAccepts, budgetUsedBytes } = this.relay.statistics();
    const left = JSON.stringify({ links, sessions, waitingAccepts, budgetUsedBytes });
    assertRule(links + sessions + waitingAccepts + budgetUsedBytes === 0, `nothing is left: ${left}`);
    void this.relay.close();
    await this.pass(1_000);
  }
}
