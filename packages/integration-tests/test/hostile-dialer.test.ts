import { allowAny, type Listener, type ListenOptions, RelayClient } from '@sealane/client';
import { Credential, parseKeycert, SigningKey } from '@sealane/crypto/credential';
import type { MuxStream } from '@sealane/mux';
import { encodeHandshakeMessage, encodeOpen } from '@sealane/protocol';
import { RelayServer } from '@sealane/server';
import { createLinkPair, type SimulatedLink, seededRandom, settle, VirtualClock } from '@sealane/testkit';
import { MessageKind, OpenKind, RelayCode, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { forgeHello } from '../../client/test/support/forged-hello.js';
import { ScriptedClient, SeenStream } from '../../server/test/scripted-client.js';

const random = seededRandom(11);

/** An owner and dialers at a real relay, and a dialer that does what a test says, in virtual time. */
class Stage {
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

  static async create(listen: Partial<ListenOptions> = {}): Promise<Stage> {
    const clock = new VirtualClock();
    const identity = await Credential.create();
    const relay = await RelayServer.create({ identity, nodeKey: SigningKey.create(), clock });
    const stage = new Stage(relay, clock, await Credential.create(), await Credential.create());
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

describe('a dialer that breaks the rules before it is confirmed', () => {
  it.each([
    ['no message 1', () => random(1_500)],
    ['a suite that is none', () => Uint8Array.of(9, 0, 0, 0, 1, ...random(2_000))],
    ['an epoch that is not held', () => Uint8Array.of(2, 0, 0, 0, 9, ...random(2_000))],
    ['one byte', () => Uint8Array.of(2)],
  ])('and sends %s on the stream that was accepted loses the stream and nothing else', async (_, message) => {
    const stage = await Stage.create();
    const { seen, stream } = stage.connect(random(16), null);
    await stage.pass(50);
    expect(seen.answer).toMatchObject({ kind: MessageKind.ACCEPT, message2: null });
    stream.write(encodeHandshakeMessage(message()));
    stage.hostile.flush();
    await stage.pass(100);
    expect(seen.resetCode).toBe(ResetCode.PROTOCOL);
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });

  it('and shows a KEM key that is none is refused, inside CONNECT and on the stream', async () => {
    const stage = await Stage.create();
    const kemPublicKey = new Uint8Array(1_184).fill(255);
    const [one, two] = [random(16), random(16)];
    const inside = stage.connect(one, stage.hello(one, kemPublicKey));
    const after = stage.connect(two, null);
    await stage.pass(50);
    after.stream.write(encodeHandshakeMessage(stage.hello(two, kemPublicKey)));
    stage.hostile.flush();
    await stage.pass(100);
    expect(inside.seen.answer).toMatchObject({ kind: MessageKind.REJECT, code: RelayCode.MALFORMED });
    expect(after.seen.resetCode).toBe(ResetCode.PROTOCOL);
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });

  it('and sends one connection id twice is rejected without cryptography', async () => {
    const stage = await Stage.create();
    const id = random(16);
    const hello = stage.hello(id);
    const first = stage.connect(id, hello);
    const second = stage.connect(id, hello);
    await stage.pass(50);
    expect(first.seen.answer).toMatchObject({ kind: MessageKind.ACCEPT });
    expect(second.seen.answer).toMatchObject({ kind: MessageKind.REJECT, code: RelayCode.MALFORMED });
  });

  it('and never confirms leaves no event, no connection and no place behind', async () => {
    const stage = await Stage.create();
    for (let index = 0; index < 120; index++) {
      const id = random(16);
      const message1 = index % 2 === 0 ? stage.hello(id) : null;
      stage.connect(id, message1);
    }
    await stage.pass(500);
    expect(stage.relay.statistics().sessions).toBe(120);
    await stage.pass(12_000);
    expect(stage.relay.statistics().sessions).toBe(0);
    expect(stage.ownerEvents).toEqual([]);
    expect(stage.ownerClient.connections.size).toBe(0);
    await stage.expectServing();
  });

  it('and sends records of its own making ends its session unheard', async () => {
    const stage = await Stage.create();
    const id = random(16);
    const { seen, stream } = stage.connect(id, stage.hello(id));
    await stage.pass(50);
    stream.write(new Uint8Array([0, 0, 25, ...random(25)]));
    stage.hostile.flush();
    await stage.pass(100);
    expect(seen.resetCode).toBe(ResetCode.GONE);
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });
});

describe('a dialer that was refused', () => {
  it('holds no place at the owner or the relay by not ending its streams', async () => {
    const stage = await Stage.create({ accept: (peer) => peer.id !== stage.mallory.id });
    const streams = Array.from({ length: 60 }, () => {
      const id = random(16);
      return stage.connect(id, stage.hello(id));
    });
    await stage.pass(500);
    expect(streams.every(({ seen }) => seen.answer?.kind === MessageKind.ACCEPT && seen.fin)).toBe(true);
    await stage.pass(7_000);
    expect(stage.relay.statistics().sessions).toBe(0);
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });

  it('and speaks of control messages on a joined stream loses its own link', async () => {
    const stage = await Stage.create();
    const id = random(16);
    const { stream } = stage.connect(id, stage.hello(id));
    await stage.pass(50);
    stage.hostile.send({ kind: MessageKind.REJECT, code: RelayCode.DENIED, keycert: null, text: '' }, stream);
    await stage.pass(100);
    expect(stage.hostile.end).toBeDefined();
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });
});
