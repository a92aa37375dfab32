import { seededRandom, settle } from '@sealane/testkit';
import { type ErrorCode, isSealaneError, LinkFeature } from '@sealane/types';
import { expect } from 'vitest';
import {
  KeptBudget,
  type ListenOptions,
  type RelayClient,
  type SecureConnection,
  type SecureStream,
} from '../../src/index.js';
import type { PathEnd, RelayedPath, ScriptedRelay, ScriptedRelayOptions } from '../support/scripted-relay.js';
import { type Owner, World } from '../support/world.js';

/** How a transfer ends for one side. */
export type End = 'right bytes' | ErrorCode;

/** More than the longest time that a session may take to give up: two paths that carry nothing, and its 60 s. */
const PATIENCE_MS = 150_000;
const CHUNK_BYTES = 1_000;
const CHUNKS = 30;
/** So much time passes between two chunks, and the transfer takes 30 of them. */
const CHUNK_MS = 50;

export interface SceneOptions {
  /** One scripted relay for each. Default: one that keeps all rules. */
  readonly relays?: readonly ScriptedRelayOptions[];
  readonly listen?: Partial<ListenOptions>;
}

/** A session between two real clients over scripted relays, and bytes that flow both ways while something is done to it. */
export class Scene {
  readonly world: World;
  readonly owner: Owner;
  readonly dialer: RelayClient;
  readonly near: SecureConnection;
  readonly far: SecureConnection;
  readonly accepted: SecureConnection[] = [];
  readonly ends: { dialer?: End; owner?: End } = {};
  readonly #budgets: readonly KeptBudget[];
  readonly #wrongs: string[] = [];

  private constructor(world: World, owner: Owner, dialer: RelayClient, near: SecureConnection, budgets: KeptBudget[]) {
    this.world = world;
    this.owner = owner;
    this.dialer = dialer;
    this.near = near;
    this.far = [...owner.client.connections][0]!;
    this.accepted.push(this.far);
    this.#budgets = budgets;
  }

  /** The transfer is under way: some of its bytes have come, on both sides. */
  static async begin({ relays = [{}], listen = {} }: SceneOptions = {}): Promise<Scene> {
    const [first = {}, ...others] = relays.map((relay) => ({ features: LinkFeature.RESUME, ...relay }));
    const world = await World.create(first, ...others);
    const budgets = [new KeptBudget(), new KeptBudget()] as const;
    const owner = await world.owner(listen, { resumption: { kept: budgets[0] } });
    if (others.length > 0) await world.pass(1_000);
    const dialer = await world.client({ resumption: { kept: budgets[1] } });
    const near = await world.until(dialer.dial(owner.listener.address));
    const [stream, far] = [near.openStreamNow(), await world.take(owner.listener)];
    const scene = new Scene(world, owner, dialer, near, [...budgets]);
    void scene.#takeMore();
    scene.#transfer('dialer', stream, 1, 2);
    scene.#transfer('owner', await world.take(far), 2, 1);
    await world.pass(600);
    return scene;
  }

  get relay(): ScriptedRelay {
    return this.world.relay;
  }

  /** The path that was asked for last, at whatever relay. */
  get path(): RelayedPath {
    return this.relay.paths.at(-1)!;
  }

  get ownerEnd(): PathEnd {
    return this.path.owner!;
  }

  /** Breaks the present path, and lets `ms` pass. */
  async cut(ms = 400): Promise<void> {
    this.relay.cut(this.path);
    await this.world.pass(ms);
  }

  /** Waits until both sides know how it ended, and looks for what must never be. */
  async finish(): Promise<{ readonly dialer: End | 'a hang'; readonly owner: End | 'a hang' }> {
    const { ends, world } = this;
    const untilMs = world.clock.nowMs() + PATIENCE_MS;
    while ((ends.dialer === undefined || ends.owner === undefined) && world.clock.nowMs() < untilMs) {
      await world.pass(ends.dialer === undefined && ends.owner === undefined ? 100 : 10);
      await settle();
    }
    expect(this.#wrongs, 'wrong bytes, doubled bytes or a false end').toEqual([]);
    expect(this.accepted.length, 'a phantom session').toBe(1);
    this.#assertNoLeak();
    return { dialer: ends.dialer ?? 'a hang', owner: ends.owner ?? 'a hang' };
  }

  /** Both clients close, and nothing is left of them. */
  async close(): Promise<void> {
    const { world, owner, dialer } = this;
    for (const relay of world.relays) relay.options.onResume = () => [];
    await world.until(Promise.all([owner.client.close({ deadlineMs: 0 }), dialer.close({ deadlineMs: 0 })]));
    await world.pass(130_000);
    expect(
      this.#budgets.map(({ sharedUsedBytes, places }) => [sharedUsedBytes, places]),
      'what is kept',
    ).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(world.clock.pending, 'a timer that is left').toBe(0);
  }

  /** A relay sees whom somebody dials, and never who it is. */
  #assertNoLeak(): void {
    const [key] = [this.near.channelBinding];
    for (const relay of this.world.relays) {
      for (const { seen } of relay.paths) {
        for (const bytes of [Buffer.concat(seen.dialer), Buffer.concat(seen.owner)]) {
          for (const secret of [Buffer.from(this.dialer.id), Buffer.from(key), bytesOf(1, 24), bytesOf(2, 24)]) {
            expect(bytes.includes(secret), 'the relay saw who dials, or plaintext').toBe(false);
          }
        }
      }
    }
  }

  async #takeMore(): Promise<void> {
    for await (const connection of this.owner.listener) this.accepted.push(connection);
  }

  #transfer(side: 'dialer' | 'owner', stream: SecureStream, sentSeed: number, readSeed: number): void {
    const sent = bytesOf(sentSeed, CHUNK_BYTES * CHUNKS);
    const write = (at: number): void => {
      if (stream.isClosed) return;
      if (at === sent.length) {
        stream.raw.end();
        return;
      }
      stream.raw.write(sent.slice(at, at + CHUNK_BYTES));
      this.world.clock.schedule(CHUNK_MS, () => write(at + CHUNK_BYTES));
    };
    write(0);
    const finished = Promise.all([this.#readAll(side, stream, bytesOf(readSeed, sent.length)), stream.finished]);
    finished.then(
      () => {
        this.ends[side] = 'right bytes';
      },
      (error: unknown) => {
        if (isSealaneError(error)) this.ends[side] = error.code;
        else this.#wrongs.push(String(error));
      },
    );
  }

  async #readAll(side: string, stream: SecureStream, expected: Uint8Array): Promise<void> {
    let offset = 0;
    for await (const value of stream.readable) {
      if (Buffer.compare(value, expected.subarray(offset, offset + value.length)) !== 0) {
        this.#wrongs.push(`${side}: wrong bytes at ${offset}`);
      }
      offset += value.length;
    }
    if (offset !== expected.length) this.#wrongs.push(`${side}: ended after ${offset} bytes`);
  }
}

/** The beginning of a seed is the same whatever the length. */
function bytesOf(seed: number, length: number): Buffer {
  return Buffer.from(seededRandom(seed)(CHUNK_BYTES * CHUNKS)).subarray(0, length);
}
