import { allowAny, type Listener, type ListenOptions, RelayClient } from '@sealane/client';
import { Credential, parseKeycert, SigningKey } from '@sealane/crypto/credential';
import type { MuxStream } from '@sealane/mux';
import { encodeOpen } from '@sealane/protocol';
import { RelayServer } from '@sealane/server';
import { createLinkPair, type SimulatedLink, settle, VirtualClock } from '@sealane/testkit';
import { OpenKind } from '@sealane/types';
import { expect } from 'vitest';
import { forgeHello } from '../../../client/test/support/forged-hello.js';
import { ScriptedClient, SeenStream } from '../../../server/test/scripted-client.js';

/** An owner and dialers at a real relay, and a dialer that does what a test says, in virtual time. */
export class HostileStage {
  readonly clock: VirtualClock = new VirtualClock();
  readonly ownerEvents: string[] = [];
  readonly ownerLinks: SimulatedLink[] = [];
  readonly ownerCredential: Credential;
  readonly mallory: Credential;
  readonly relay: RelayServer;
  ownerClient!: RelayClient;
  listener!: Listener;
  hostile!: ScriptedClient;

  private constructor(relay: RelayServer, clock: VirtualClock, owner: Credential, mallory: Credential) {
    this.relay = relay;
    this.clock = clock;
    this.ownerCredential = owner;
    this.mallory = mallory;
  }

  static async create(listen: Partial<ListenOptions> = {}): Promise<HostileStage> {
    const clock = new VirtualClock();
    const identity = await Credential.create();
    const relay = await RelayServer.create({ identity, nodeKey: SigningKey.create(), clock });
    const stage = new HostileStage(relay, clock, await Credential.create(), await Credential.create());
    stage.ownerClient = await stage.client(stage.ownerLinks, {
      use: 'listen',
      credential: stage.ownerCredential,
      onStatus: (event) => stage.ownerEvents.push(event.type),
    });
    stage.listener = await stage.until(stage.ownerClient.listen({ accept: allowAny(), ...listen }));
    stage.ownerEvents.length = 0;
    const [near, far] = createLinkPair(clock, { lowMarkBytes: 131_072 });
    stage.hostile = new ScriptedClient(near, clock);
    relay.accept(far);
    await stage.pass(50);
    return stage;
  }

  client(links: SimulatedLink[] = [], options: Parameters<typeof RelayClient.connect>[1] = {}): Promise<RelayClient> {
    const transport = (): Promise<SimulatedLink> => {
      const [near, far] = createLinkPair(this.clock, { lowMarkBytes: 131_072 });
      links.push(near);
      this.relay.accept(far);
      return Promise.resolve(near);
    };
    return this.until(RelayClient.connect('ws://relay.example:443', { clock: this.clock, transport, ...options }));
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      await this.clock.advanceAsync(10);
      await settle();
    }
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    for (let passed = 0; !isSettled && passed < 60_000; passed += 10) await this.pass(10);
    if (!isSettled) throw new Error('virtual time brought nothing about');
    return await settled;
  }

  hello(connectionId: Uint8Array, kemPublicKey?: Uint8Array): Uint8Array {
    const key = this.mallory.handshakeKey(1);
    if (key === undefined) throw new Error('no key');
    const owner = parseKeycert(this.ownerCredential.keycert);
    const { keycert } = this.mallory;
    return forgeHello({ owner, connectionId, key, keycert, ...(kemPublicKey === undefined ? {} : { kemPublicKey }) });
  }

  connect(connectionId: Uint8Array, message1: Uint8Array | null): { seen: SeenStream; stream: MuxStream } {
    const owner = this.ownerCredential.publicKey;
    const seen = new SeenStream();
    const open = encodeOpen({ kind: OpenKind.CONNECT, owner, service: '', connectionId, message1 });
    const stream = this.hostile.mux.openStream(open, seen);
    seen.stream = stream;
    this.hostile.flush();
    return { seen, stream };
  }

  /** Nothing that was done is felt by others: the owner's link is the one it had, and dials succeed. */
  async expectServing(): Promise<void> {
    expect(this.ownerLinks.length).toBe(1);
    expect(this.ownerLinks[0]?.hasEnded).toBe(false);
    const dialer = await this.client();
    const stream = await this.until(dialer.openStream(this.listener.address));
    await this.pass(500);
    expect(stream.connection.isOpen).toBe(true);
    await this.until(dialer.close({ deadlineMs: 0 }));
  }
}
