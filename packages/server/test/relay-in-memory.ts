import { Credential, SigningKey } from '@sealane/crypto/credential';
import { createLinkPair, type LinkPairOptions, type SimulatedLink, VirtualClock } from '@sealane/testkit';
import type { RelayEvent } from '../src/event.js';
import type { RelayServerOptions } from '../src/options.js';
import { RelayServer } from '../src/relay-server.js';
import { type ClientOptions, ScriptedClient } from './scripted-client.js';
import { type LinkTap, tapLink } from './tapped-link.js';

/** The link of a client, and who looks at it. */
export interface ClientLinkOptions extends LinkPairOptions {
  readonly tap?: LinkTap;
}

export interface RelayInMemory {
  readonly relay: RelayServer;
  readonly key: Uint8Array;
  readonly clock: VirtualClock;
  readonly events: RelayEvent[];
  /** A client on a new link, authenticated unless its options prevent it. */
  connect(
    options?: ClientOptions,
    link?: ClientLinkOptions,
  ): Promise<{
    readonly client: ScriptedClient;
    readonly link: SimulatedLink;
    /** The relay's end. */
    readonly far: SimulatedLink;
  }>;
  owner(
    options?: ClientOptions,
    link?: ClientLinkOptions,
  ): Promise<{
    readonly client: ScriptedClient;
    readonly far: SimulatedLink;
    readonly credential: Credential;
  }>;
  /** Lets `ms` of virtual time pass, and everything that is due. */
  pass(ms?: number): Promise<void>;
}

/** A relay with virtual time and links in memory. */
export async function createRelayInMemory(options: Partial<RelayServerOptions> = {}): Promise<RelayInMemory> {
  const clock = new VirtualClock();
  const events: RelayEvent[] = [];
  const identity = await Credential.create();
  const relay = await RelayServer.create({
    identity,
    nodeKey: SigningKey.create(),
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const pass = (ms = 1): Promise<void> => clock.advanceAsync(ms);
  const connect: RelayInMemory['connect'] = async (clientOptions, { tap = {}, ...link } = {}) => {
    const [near, far] = createLinkPair(clock, { lowMarkBytes: 131_072, ...link });
    const client = new ScriptedClient(near, clock, clientOptions);
    relay.accept(tapLink(far, tap));
    await pass();
    await pass();
    return { client, link: near, far };
  };
  return {
    relay,
    key: identity.publicKey,
    clock,
    events,
    connect,
    pass,
    async owner(clientOptions, link) {
      const credential = await Credential.create();
      const { client, far } = await connect({ signer: credential, ...clientOptions }, link);
      return { client, far, credential };
    },
  };
}
