import {
  allowAny,
  type Listener,
  MemoryKeycertStore,
  RelayClient,
  type RelayClientOptions,
  type SecureConnection,
  type SecureStream,
} from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import { Credential, SigningKey } from '@sealane/crypto/credential';
import { forEachFrame } from '@sealane/protocol';
import { type RelayEvent, RelayServer } from '@sealane/server';
import { createLinkPair, settle, VirtualClock } from '@sealane/testkit';
import { FrameFlag, FrameType, MessageKind, ProtocolSize } from '@sealane/types';

/** One way over one link: from a client to the relay, or back. */
export const DELAY_MS = 40;

/** One message on a link that somebody waits for: keep-alives and credit are left out. */
export interface Passed {
  readonly atMs: number;
  readonly link: 'owner' | 'dialer';
  readonly from: 'client' | 'relay';
  /** What its frames are, such as `LOOKUP`, `OPEN` or `DATA`. */
  readonly frames: readonly string[];
}

const limits = {
  maxDataBytes: ProtocolSize.OUTER_DATA,
  maxOpenBytes: ProtocolSize.CONTROL,
  maxMessageBytes: ProtocolSize.CONTROL,
};
const kinds = new Map<number, string>(Object.entries(MessageKind).map(([name, value]) => [value, name]));
const types = new Map<number, string>(Object.entries(FrameType).map(([name, value]) => [value, name]));
const ignored: ReadonlySet<number> = new Set([FrameType.PING, FrameType.PONG, FrameType.CREDIT]);

/** A relay, an owner and a dialer under virtual time, with links that take their time and count what passes. */
export class CountedStage {
  readonly clock: VirtualClock = new VirtualClock();
  readonly passed: Passed[] = [];
  readonly relayEvents: RelayEvent[] = [];
  readonly incoming: SecureConnection[] = [];
  /** What the owner received, and when its first byte came. */
  readonly arrivals: { readonly stream: SecureStream; readonly atMs: number }[] = [];
  links = 0;
  relay!: RelayServer;
  dialer!: RelayClient;
  listener!: Listener;
  readonly #clients: RelayClient[] = [];

  static async create(dialer: RelayClientOptions = {}): Promise<CountedStage> {
    await loadCrypto();
    const stage = new CountedStage();
    stage.relay = await RelayServer.create({
      identity: await Credential.create(),
      nodeKey: SigningKey.create(),
      clock: stage.clock,
      limits: { authCpuShare: 1 },
      onEvent: (event) => stage.relayEvents.push(event),
    });
    const owner = await stage.#client('owner', {});
    stage.listener = await stage.until(owner.listen({ accept: allowAny() }));
    void stage.#serve();
    stage.dialer = await stage.#client('dialer', { knownKeycerts: new MemoryKeycertStore(), ...dialer });
    // The link is up: what dialing costs is what comes after.
    await stage.until(stage.dialer.ping());
    stage.forget();
    return stage;
  }

  get nowMs(): number {
    return this.clock.nowMs();
  }

  /** Counts from here on. */
  forget(): void {
    this.passed.length = 0;
    this.relayEvents.length = 0;
    this.arrivals.length = 0;
    this.links = 0;
  }

  /** What `link` carried in one direction, message by message. */
  sent(link: Passed['link'], from: Passed['from']): (readonly string[])[] {
    return this.passed.filter((message) => message.link === link && message.from === from).map(({ frames }) => frames);
  }

  /** The value of a promise that virtual time brings about, at the time when it does. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const done = (): void => {
      isSettled = true;
    };
    promise.then(done, done);
    await this.untilTrue(() => isSettled);
    return await promise;
  }

  async untilTrue(isTrue: () => boolean): Promise<void> {
    for (let passedMs = 0; !isTrue(); passedMs += 1) {
      if (passedMs > 60_000) throw new Error('virtual time brought nothing about');
      await this.pass(1);
    }
  }

  async pass(ms: number): Promise<void> {
    await settle();
    await this.clock.advanceAsync(ms);
    await settle();
  }

  async close(): Promise<void> {
    await this.until(Promise.all(this.#clients.map((client) => client.close({ deadlineMs: 0 }))));
    await this.until(this.relay.close());
  }

  async #client(link: Passed['link'], options: RelayClientOptions): Promise<RelayClient> {
    const client = await RelayClient.create('ws://relay.test:80', {
      clock: this.clock,
      credential: await Credential.create(),
      transport: async () => {
        this.links += 1;
        const [near, far] = createLinkPair(this.clock, {
          delayMs: DELAY_MS,
          fault: ({ from, message }) => {
            this.#note(link, from === 0 ? 'client' : 'relay', message);
            return 'pass';
          },
        });
        this.relay.accept(far);
        return near;
      },
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  #note(link: Passed['link'], from: Passed['from'], message: Uint8Array): void {
    const frames: string[] = [];
    forEachFrame(message, limits, ({ type, flags, body }) => {
      if (ignored.has(type)) return;
      const isOpen = type === FrameType.DATA && (flags & FrameFlag.OPEN) !== 0;
      if (isOpen) frames.push('OPEN');
      else frames.push((type === FrameType.MESSAGE ? kinds.get(body[0] ?? 0) : types.get(type)) ?? `type ${type}`);
    });
    if (frames.length > 0) this.passed.push({ atMs: this.nowMs, link, from, frames });
  }

  async #serve(): Promise<void> {
    for await (const connection of this.listener) {
      this.incoming.push(connection);
      connection.closed.catch(() => undefined);
      void this.#take(connection);
    }
  }

  /** Sends back what comes. */
  async #take(connection: SecureConnection): Promise<void> {
    for await (const stream of connection) {
      let isFirst = true;
      stream.raw.attach({
        onData: (chunk) => {
          if (chunk.length === 0) return;
          if (isFirst) this.arrivals.push({ stream, atMs: this.nowMs });
          isFirst = false;
          stream.raw.consume(chunk.length);
          stream.raw.write(chunk.slice());
        },
        onReset: () => undefined,
      });
    }
  }
}

/** When the first byte of the answer comes, on the clock. */
export function firstAnswer(stage: CountedStage, stream: SecureStream): Promise<number> {
  return new Promise((resolve, reject) => {
    stream.raw.attach({
      onData: (chunk) => {
        if (chunk.length > 0) resolve(stage.nowMs);
      },
      onReset: reject,
    });
  });
}
