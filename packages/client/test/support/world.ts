import { loadCrypto } from '@sealane/crypto';
import { settle, VirtualClock } from '@sealane/testkit';
import {
  allowAny,
  type Listener,
  type ListenOptions,
  RelayClient,
  type RelayClientOptions,
  type TransportFactory,
} from '../../src/index.js';
import { ScriptedRelay, type ScriptedRelayOptions } from './scripted-relay.js';

/** Clients and scripted relays under one virtual clock. */
export class World {
  readonly clock: VirtualClock;
  readonly relay: ScriptedRelay;
  readonly relays: readonly ScriptedRelay[];

  private constructor(clock: VirtualClock, relays: readonly [ScriptedRelay, ...ScriptedRelay[]]) {
    this.clock = clock;
    this.relay = relays[0];
    this.relays = relays;
  }

  /** With one relay, or with one more for each of `others`. */
  static async create(options: ScriptedRelayOptions = {}, ...others: ScriptedRelayOptions[]): Promise<World> {
    await loadCrypto();
    const clock = new VirtualClock();
    const more = await Promise.all(others.map((other) => ScriptedRelay.create(clock, other)));
    return new World(clock, [await ScriptedRelay.create(clock, options), ...more]);
  }

  /** `ws://relay.test:80` is the first relay, `ws://relay1.test:80` the next one. */
  get urls(): string[] {
    return this.relays.map((_, index) => `ws://relay${index === 0 ? '' : index}.test:80`);
  }

  /** Lets `ms` pass, and everything that follows from it happen. */
  async pass(ms = 20): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      await this.clock.advanceAsync(Math.min(10, ms - passed));
      await settle();
    }
  }

  /** The value of a promise that virtual time brings about; throws when a minute does not. */
  async until<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    let outcome: { value: T } | { error: unknown } | undefined;
    promise.then(
      (value) => {
        outcome = { value };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    for (let passed = 0; outcome === undefined && passed < withinMs; passed += 10) await this.pass(10);
    if (outcome === undefined) throw new Error('virtual time brought nothing about');
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** The next value that comes. */
  async take<T>(source: AsyncIterable<T>): Promise<T> {
    const { value, done } = await this.until(source[Symbol.asyncIterator]().next());
    if (done === true) throw new Error('nothing came');
    return value;
  }

  client(options: RelayClientOptions = {}): Promise<RelayClient> {
    const transport: TransportFactory = (url, more) => {
      const host = new URL(url.replace('ws:', 'http:')).hostname;
      return this.relays[this.urls.findIndex((known) => known.includes(`${host}:`))]!.transport(url, more);
    };
    return this.until(RelayClient.connect(this.urls, { clock: this.clock, transport, ...options }));
  }

  async owner(listen: Partial<ListenOptions> = {}, options: RelayClientOptions = {}): Promise<Owner> {
    const client = await this.client({ use: 'listen', ...options });
    const listener = await this.until(client.listen({ accept: allowAny(), ...listen }));
    return { client, listener };
  }
}

export interface Owner {
  readonly client: RelayClient;
  readonly listener: Listener;
}
