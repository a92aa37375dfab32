import { HostileClient } from '../hostile-client.js';

/** Something that clients do to a relay, what holds it in bounds, and how it is answered. */
export interface Attack {
  readonly name: string;
  /** What the relay has against it. */
  readonly bound: string;
  /** Names of refusals that it must have been answered with. */
  readonly refusals: readonly string[];
  /** Attacks the relay with all its might; what it opened stays open until `attackers` are stopped. */
  run(attackers: Attackers): Promise<void>;
}

/** The clients of an attack. Stopped, they are closed and no more of them come. */
export class Attackers {
  readonly url: string;
  readonly #clients = new Set<HostileClient>();
  #isStopped = false;

  constructor(url: string) {
    this.url = url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  stop(): void {
    this.#isStopped = true;
    for (const client of this.#clients) client.close();
  }

  /** So many clients that the relay let in; fewer where it refuses. */
  async connect(count: number): Promise<HostileClient[]> {
    if (this.#isStopped) throw new Error('the attack was stopped');
    const connected = await Promise.all(Array.from({ length: count }, () => HostileClient.tryConnect(this.url)));
    const known = connected.filter((client) => client !== undefined);
    for (const client of known) this.#clients.add(client);
    if (this.#isStopped) this.stop();
    return known;
  }

  async connectOne(): Promise<HostileClient> {
    const [client] = await this.connect(1);
    if (client === undefined) throw new Error('the relay lets nobody in');
    return client;
  }

  /** An owner with one lease, and a dialer. */
  async connectPair(): Promise<{ readonly owner: HostileClient; readonly dialer: HostileClient }> {
    const [owner, dialer] = [await this.connectOne(), await this.connectOne()];
    const answer = await owner.register({});
    if (answer !== 'REGISTERED') throw new Error(`no lease: ${answer}`);
    return { owner, dialer };
  }
}
