import {
  allowAny,
  type Listener,
  RelayClient,
  type RelayClientOptions,
  type SecureConnection,
  type SecureStream,
} from '@sealane/client';
import { Credential, SigningKey } from '@sealane/crypto/credential';
import { RelayServer } from '@sealane/server';
import { createLinkPair, settle, VirtualClock } from '@sealane/testkit';
import { type SealaneError, Suite } from '@sealane/types';

/** What an owner does with a stream of this label. */
export const Label = { ECHO: 'echo', SINK: 'sink', STALL: 'stall' } as const;

const askBytes = 64;
const chunk = new Uint8Array(65_536);

/**
 * Clients at a real relay in virtual time, over links without delay that take so many bytes a millisecond: a bound in
 * milliseconds is one in bytes.
 */
export class PacedStage {
  readonly clock: VirtualClock;
  readonly relay: RelayServer;
  #fault: unknown;

  private constructor(clock: VirtualClock, relay: RelayServer) {
    this.clock = clock;
    this.relay = relay;
  }

  static async create(): Promise<PacedStage> {
    const clock = new VirtualClock();
    const identity = await Credential.create();
    const limits = { authCpuShare: 1, connectCpuShare: 1, waitingAcceptsPerLease: 1_024 };
    return new PacedStage(clock, await RelayServer.create({ identity, nodeKey: SigningKey.create(), clock, limits }));
  }

  /** A client whose link takes so many bytes a millisecond, in each direction. */
  async client(bytesPerMs: number, options: RelayClientOptions = {}): Promise<RelayClient> {
    const transport: RelayClientOptions['transport'] = () => {
      const [near, far] = createLinkPair(this.clock, { lowMarkBytes: 131_072, bytesPerMs });
      this.relay.accept(far);
      return Promise.resolve(near);
    };
    return await this.until(
      RelayClient.connect('ws://relay.example:443', { clock: this.clock, transport, ...options }),
    );
  }

  /** An owner that serves streams by their labels. */
  async owner(bytesPerMs: number): Promise<Listener> {
    const client = await this.client(bytesPerMs, { use: 'listen' });
    const listener = await this.until(client.listen({ accept: allowAny(), suites: [Suite.CLASSICAL] }));
    this.#watch(this.#serve(listener));
    return listener;
  }

  async open(client: RelayClient, listener: Listener, label: string): Promise<SecureStream> {
    return await this.until(client.openStream(listener.address, { label, suites: [Suite.CLASSICAL] }));
  }

  /** A stream in a session of its own. */
  async openAlone(client: RelayClient, listener: Listener, label: string): Promise<SecureStream> {
    const session = await this.until(client.dial(listener.address, { fresh: true, suites: [Suite.CLASSICAL] }));
    return session.openStreamNow({ label });
  }

  async run(ms: number): Promise<void> {
    await this.#advance(this.clock.nowMs() + ms, () => false);
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    await this.#advance(this.clock.nowMs() + 60_000, () => isSettled);
    if (!isSettled) throw new Error('virtual time brought nothing about');
    return await settled;
  }

  async #advance(untilMs: number, isDone: () => boolean): Promise<void> {
    for (;;) {
      await settle();
      await settle();
      if (this.#fault !== undefined) throw this.#fault;
      if (isDone()) return;
      const dueMs = this.clock.nextDueMs ?? untilMs;
      this.clock.advance(Math.max(0, Math.min(dueMs, untilMs) - this.clock.nowMs()));
      if (dueMs > untilMs || this.clock.nowMs() >= untilMs) return;
    }
  }

  async #serve(listener: Listener): Promise<void> {
    for await (const connection of listener) this.#watch(this.#serveStreams(connection));
  }

  async #serveStreams(connection: SecureConnection): Promise<void> {
    for await (const { label, raw } of connection) {
      raw.attach({
        onData: (bytes) => {
          if (label === Label.STALL) return;
          if (label === Label.ECHO && bytes.length > 0) raw.write(bytes);
          raw.consume(bytes.length);
        },
        onReset: () => undefined,
      });
    }
  }

  #watch(promise: Promise<unknown>): void {
    promise.catch((error: unknown) => {
      this.#fault ??= error;
    });
  }
}

/** Asks 64 bytes again and again, a pause after each answer. */
export class Asker {
  /** Of each answer that has come, in virtual milliseconds. */
  readonly waitedMs: number[] = [];
  error: SealaneError | undefined;
  readonly #clock: VirtualClock;
  readonly #stream: SecureStream;
  readonly #pauseMs: number;
  #missingBytes = 0;
  #askedMs = 0;

  constructor(clock: VirtualClock, stream: SecureStream, startMs: number, pauseMs: number) {
    this.#clock = clock;
    this.#stream = stream;
    this.#pauseMs = pauseMs;
    stream.raw.attach({
      onData: (bytes) => this.#onData(bytes.length),
      onReset: (error) => {
        this.error = error;
      },
    });
    clock.schedule(startMs, () => this.#ask());
  }

  /** Of the question that waits for its answer too. */
  get longestMs(): number {
    const pendingMs = this.#missingBytes > 0 ? this.#clock.nowMs() - this.#askedMs : 0;
    return Math.max(pendingMs, ...this.waitedMs);
  }

  #ask(): void {
    if (this.error !== undefined) return;
    this.#missingBytes = askBytes;
    this.#askedMs = this.#clock.nowMs();
    this.#stream.raw.write(new Uint8Array(askBytes));
  }

  #onData(bytes: number): void {
    this.#stream.raw.consume(bytes);
    this.#missingBytes -= bytes;
    if (this.#missingBytes > 0) return;
    this.waitedMs.push(this.#clock.nowMs() - this.#askedMs);
    this.#clock.schedule(this.#pauseMs, () => this.#ask());
  }
}

/** Writes to the stream whatever it takes. */
export function flood({ raw }: SecureStream): void {
  const fill = (): void => {
    while (!raw.isClosed && raw.queuedBytes < 4 * chunk.length) raw.write(chunk);
  };
  raw.attach({ onData: (bytes) => raw.consume(bytes.length), onReset: () => undefined, onDrain: fill });
  fill();
}
