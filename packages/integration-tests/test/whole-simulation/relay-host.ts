import { Credential, SigningKey } from '@sealane/crypto/credential';
import { RelayServer } from '@sealane/server';
import { createLinkPair, type SeededRandom, type SimulatedLink, type VirtualClock } from '@sealane/testkit';
import { SealaneError } from '@sealane/types';

/** One link as the simulation sees it. */
export interface SimulatedWire {
  readonly client: string;
  readonly near: SimulatedLink;
  readonly far: SimulatedLink;
  /** Directions in which nothing gets through. */
  readonly muted: [boolean, boolean];
  /** Messages until the link is cut, by direction. */
  readonly left: [number, number];
}

export interface RelayHostOptions {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly delayMs: number;
  readonly bytesPerMs: number;
}

/** The place of one relay: it dies, drains and comes back with its identity and nothing else. */
export class RelayHost {
  server: RelayServer | undefined;
  wires: SimulatedWire[] = [];
  peakQueuedBytes = 0;
  readonly #options: RelayHostOptions;
  readonly #identity: Credential;
  readonly #nodeKey: SigningKey;
  #starts = 0;

  private constructor(options: RelayHostOptions, identity: Credential) {
    this.#options = options;
    this.#identity = identity;
    this.#nodeKey = SigningKey.create(options.random.fork('node key'));
  }

  static async create(options: RelayHostOptions): Promise<RelayHost> {
    const host = new RelayHost(options, await Credential.create({ random: options.random.fork('identity') }));
    await host.start();
    return host;
  }

  get liveWires(): readonly SimulatedWire[] {
    this.wires = this.wires.filter(({ near, far }) => !near.hasEnded || !far.hasEnded);
    return this.wires;
  }

  async start(): Promise<void> {
    if (this.server !== undefined) return;
    const { clock, random } = this.#options;
    this.#starts += 1;
    this.server = await RelayServer.create({
      identity: this.#identity,
      nodeKey: this.#nodeKey,
      clock,
      random: random.fork(this.#starts),
      limits: { authCpuShare: 1, connectCpuShare: 1 },
    });
  }

  /** As SIGKILL: its sockets are gone, and so are its leases. */
  kill(): void {
    const { server } = this;
    this.server = undefined;
    for (const { far } of this.liveWires) far.abort('the relay died');
    void server?.close();
  }

  /** As SIGTERM. */
  async drain(deadlineMs: number): Promise<void> {
    const { server } = this;
    await server?.drain({ deadlineMs });
    if (this.server !== server) return;
    this.server = undefined;
    await server?.close();
  }

  connect(client: string): Promise<SimulatedLink> {
    const { clock, delayMs, bytesPerMs } = this.#options;
    return new Promise((resolve, reject) => {
      clock.schedule(2 * delayMs, () => {
        if (this.server === undefined) {
          reject(new SealaneError('ERR_LINK_FAILED', undefined, { retryable: true }));
          return;
        }
        const muted: [boolean, boolean] = [false, false];
        const left: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
        const [near, far] = createLinkPair(clock, {
          delayMs,
          bytesPerMs,
          lowMarkBytes: 131_072,
          fault: ({ from }) => {
            if (muted[from]) return 'drop';
            return --left[from] < 0 ? 'cut' : 'pass';
          },
        });
        this.wires.push({ client, near, far, muted, left });
        this.server.accept(far);
        resolve(near);
      });
    });
  }

  /** Called after every event. */
  check(): void {
    for (const { near, far } of this.wires) {
      this.peakQueuedBytes = Math.max(this.peakQueuedBytes, near.queuedBytes, far.queuedBytes);
    }
  }
}
