import {
  KeptBudget,
  type Listener,
  RelayClient,
  type RelayClientOptions,
  type SecureConnection,
} from '@sealane/client';
import { Credential } from '@sealane/crypto/credential';
import { MemoryBudget } from '@sealane/mux';
import { type SeededRandom, seededRandom, settle, VirtualClock } from '@sealane/testkit';
import { isSealaneError, Suite } from '@sealane/types';
import { applyFault } from './apply-fault.js';
import { createWholePlan, type DialerPlan, type WholePlan } from './plan.js';
import { RelayHost } from './relay-host.js';
import { isOver, StreamBook, type WholeStream } from './whole-session.js';

/** After the faults have ended, everything has to come to its end within this time. */
const REST_MS = 150_000;
/** Longer than all faults together: nothing may be given up. */
const GIVE_UP_MS = 120_000;
const MAX_EVENTS = 2_000_000;
/** What a link lets wait at its socket, and a batch on top. */
const MAX_SOCKET_BYTES = 131_072 + 262_144;

export interface WholeResult {
  readonly streams: number;
  readonly completeStreams: number;
  readonly bytes: number;
  readonly interruptions: number;
  readonly resumptions: number;
  /** Sessions that more than one relay has carried. */
  readonly relayChanges: number;
  /** Sessions that ended before the dialer heard anything of the owner: dials that failed. */
  readonly failedDials: number;
  readonly faults: number;
  readonly virtualMs: number;
}

/** Clients and relays under one virtual clock, with everything that goes wrong. Throws when a rule is broken. */
export async function simulateWhole(seed: number): Promise<WholeResult> {
  const world = await WholeWorld.create(createWholePlan(seededRandom(seed)));
  return await world.run();
}

export class WholeWorld {
  readonly clock: VirtualClock = new VirtualClock();
  readonly hosts: RelayHost[] = [];
  readonly plan: WholePlan;
  readonly #random: SeededRandom;
  readonly #book: StreamBook;
  readonly #clients: RelayClient[] = [];
  readonly #kept: KeptBudget[] = [];
  readonly #memory: MemoryBudget[] = [];
  #interruptions = 0;
  #resumptions = 0;
  /** What went wrong in a callback. */
  #fault: unknown;

  private constructor(plan: WholePlan) {
    this.plan = plan;
    this.#random = seededRandom(plan.seed).fork('world');
    this.#book = new StreamBook(this.clock);
  }

  static async create(plan: WholePlan): Promise<WholeWorld> {
    const world = new WholeWorld(plan);
    for (let index = 0; index < plan.relays; index += 1) {
      world.hosts.push(
        await RelayHost.create({
          clock: world.clock,
          random: world.#random.fork(`relay ${index}`),
          delayMs: plan.delayMs[index] ?? 1,
          bytesPerMs: plan.bytesPerMs,
        }),
      );
    }
    return world;
  }

  async run(): Promise<WholeResult> {
    const owner = await this.#createClient('owner');
    const listener = await this.#until(owner.listen({ accept: () => this.#decide(), suites: [Suite.CLASSICAL] }));
    this.#watch(this.#serve(listener));
    for (const fault of this.plan.faults) this.clock.schedule(fault.atMs, () => this.#watch(applyFault(this, fault)));
    const startedMs = this.clock.nowMs();
    for (const [index, dialer] of this.plan.dialers.entries()) {
      this.#watch(this.#dial(await this.#createClient(`dialer ${index}`), listener.address, dialer));
    }
    const planned = this.plan.dialers.reduce((sum, { streams }) => sum + streams.length, 0);
    const untilMs = startedMs + this.plan.faultsEndMs + REST_MS;
    await this.#advance(untilMs, () => this.#book.streams.length === planned && this.#book.streams.every(isOver));
    const virtualMs = this.clock.nowMs() - startedMs;
    const streams = [...this.#book.streams];
    const failed = new Set<SecureConnection>();
    for (const stream of streams) this.#assertStream(stream, failed);
    const connections = new Set(streams.map(({ connection }) => connection));
    await this.#close();
    return {
      streams: streams.length,
      completeStreams: streams.filter(({ opener, acceptor }) => opener?.isComplete && acceptor?.isComplete).length,
      bytes: streams.reduce((sum, { opener, acceptor }) => sum + received(opener) + received(acceptor), 0),
      interruptions: this.#interruptions,
      resumptions: this.#resumptions,
      relayChanges: [...connections].filter((connection) => (connection?.session.relayIds.size ?? 0) > 1).length,
      failedDials: failed.size,
      faults: this.plan.faults.length,
      virtualMs,
    };
  }

  async #createClient(name: string): Promise<RelayClient> {
    const random = this.#random.fork(name);
    const kept = new KeptBudget({
      sessionBytes: this.plan.keptSessionBytes,
      guaranteedBytes: this.plan.keptGuaranteedBytes,
    });
    const budget = new MemoryBudget(1 << 28);
    this.#kept.push(kept);
    this.#memory.push(budget);
    const options: RelayClientOptions = {
      clock: this.clock,
      random,
      budget,
      credential: await Credential.create({ random: random.fork('credential') }),
      resumption: { kept, giveUpMs: GIVE_UP_MS },
      transport: async (url) => {
        const index = Number(/relay(\d+)/.exec(url)?.[1]);
        return await this.hosts[index]!.connect(name);
      },
      onStatus: (event) => {
        if (event.type !== 'session') return;
        if (event.state === 'interrupted') this.#interruptions += 1;
        if (event.state === 'resumed') this.#resumptions += 1;
      },
    };
    const client = await RelayClient.create(
      this.hosts.map((_, index) => `ws://relay${index}.test:80`),
      options,
    );
    this.#clients.push(client);
    return client;
  }

  async #decide(): Promise<boolean> {
    const { policyMs } = this.plan;
    if (policyMs > 0) await new Promise<void>((resolve) => this.clock.schedule(policyMs, resolve));
    return true;
  }

  async #serve(listener: Listener): Promise<void> {
    for await (const connection of listener) this.#watch(this.#accept(connection));
  }

  async #accept(connection: SecureConnection): Promise<void> {
    for await (const stream of connection) this.#book.onAccepted(stream);
  }

  async #dial(client: RelayClient, address: string, plan: DialerPlan): Promise<void> {
    const connection = plan.usesPool
      ? undefined
      : await this.#persist(() => client.dial(address, { suites: [Suite.CLASSICAL] }));
    const accepted = new Set<SecureConnection>();
    for (const streamPlan of plan.streams) {
      const stream = this.#book.add(streamPlan);
      this.clock.schedule(streamPlan.openAtMs, () => {
        const label = this.#book.labelOf(stream);
        const opening = this.#persist(async () => {
          if (connection?.isOpen === true) return connection.openStreamNow({ label });
          return await client.openStream(address, { label, suites: [Suite.CLASSICAL] });
        });
        this.#watch(
          opening.then((opened) => {
            this.#book.onOpened(stream, opened);
            if (accepted.has(opened.connection)) return;
            accepted.add(opened.connection);
            this.#watch(this.#accept(opened.connection));
          }),
        );
      });
    }
  }

  /** As a patient application: what can be tried again is. */
  async #persist<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!isSealaneError(error)) throw error;
        if (!error.retryable) this.#fault ??= error;
        await new Promise<void>((resolve) => this.clock.schedule(300, resolve));
      }
    }
  }

  #assertStream(stream: WholeStream, failed: Set<SecureConnection>): void {
    const { plan, opener, acceptor, connection } = stream;
    if (connection?.session.isEnded && connection.statistics.recordsReceived === 0) {
      failed.add(connection);
      return;
    }
    for (const error of [opener?.error, acceptor?.error]) {
      if (error === undefined || (plan.reset !== undefined && error.code.startsWith('ERR_STREAM_'))) continue;
      throw new Error(`stream ${stream.key} failed with ${error.code} without a reason`, { cause: error });
    }
    if (opener === undefined) throw new Error(`stream ${stream.key} was never opened`);
  }

  async #close(): Promise<void> {
    await this.#until(Promise.all(this.#clients.map((client) => client.close({ deadlineMs: 1_000 }))));
    for (const kept of this.#kept) {
      if (kept.sharedUsedBytes !== 0) throw new Error(`${kept.sharedUsedBytes} shared bytes were never given back`);
    }
    for (const { used } of this.#memory) if (used !== 0) throw new Error(`${used} bytes are still charged`);
    await this.#advance(this.clock.nowMs() + 15_000, undefined);
    for (const { server } of this.hosts) {
      const { budgetUsedBytes = 0, sessions = 0 } = server?.statistics() ?? {};
      if (budgetUsedBytes !== 0 || sessions !== 0) {
        throw new Error(`a relay still holds ${budgetUsedBytes} bytes and ${sessions} sessions`);
      }
      await server?.close();
    }
  }

  /** Nothing may go wrong where nobody looks. */
  #watch(promise: Promise<unknown> | undefined): void {
    promise?.catch((error: unknown) => {
      if (isSealaneError(error)) return;
      this.#fault ??= error;
    });
  }

  async #until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    await this.#advance(this.clock.nowMs() + 120_000, () => isSettled);
    return await settled;
  }

  /** Time passes until `isDone`, or to its end if nothing is waited for. */
  async #advance(untilMs: number, isDone: (() => boolean) | undefined): Promise<void> {
    const { clock } = this;
    for (let events = 0; isDone?.() !== true; events += 1) {
      if (events > MAX_EVENTS) throw new Error('no end');
      await settle();
      await settle();
      const dueMs = clock.nextDueMs ?? untilMs;
      if (dueMs >= untilMs && isDone === undefined) return;
      if (dueMs >= untilMs) throw new Error(`stuck: ${this.#describe()}`);
      clock.advance(dueMs - clock.nowMs());
      if (this.#fault !== undefined) throw this.#fault;
      this.#check();
    }
  }

  #check(): void {
    for (const host of this.hosts) {
      host.check();
      if (host.peakQueuedBytes > MAX_SOCKET_BYTES) throw new Error(`${host.peakQueuedBytes} bytes wait at a socket`);
    }
  }

  #describe(): string {
    const streams = this.#book.streams.map((stream) => {
      const { opener, acceptor, connection } = stream;
      const state = connection?.session.isEnded ? 'ended' : connection?.isSuspended ? 'suspended' : 'up';
      return isOver(stream) ? 'over' : `${stream.key} ${state} ${opener?.receivedBytes}/${acceptor?.receivedBytes}`;
    });
    return streams.join(', ');
  }
}

function received(user: { readonly receivedBytes: number } | undefined): number {
  return user?.receivedBytes ?? 0;
}
