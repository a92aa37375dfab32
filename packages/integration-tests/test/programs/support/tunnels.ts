import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProcess } from '@sealane/testkit';
import { startCli, startRelay } from '../../three-processes.js';

/** A backend, and the port of this machine that leads to it through `connect`, the relay and `expose`. */
export interface Tunnel {
  readonly backendPort: number;
  readonly port: number;
  readonly expose: TestProcess;
  readonly connect: TestProcess;
  /** The address that `expose` printed. */
  readonly address: string;
}

/** One relay, one identity of an owner and one of a dialer, and a pair of expose and connect for each backend. */
export class Tunnels implements AsyncDisposable {
  readonly relay: TestProcess;
  readonly #relayUrl: string;
  readonly #directory: string;
  readonly #tunnels: Tunnel[] = [];
  #opened = 0;

  private constructor(relay: TestProcess, relayUrl: string, directory: string) {
    this.relay = relay;
    this.#relayUrl = relayUrl;
    this.#directory = directory;
  }

  static async create(): Promise<Tunnels> {
    const directory = mkdtempSync(join(tmpdir(), 'sealane-programs-'));
    const relay = startRelay(join(directory, 'relay'));
    const { url } = await relay.waitFor('listening');
    return new Tunnels(relay, String(url), directory);
  }

  /** The environment of the dialer, for a `sealane connect` that another program starts. */
  get dialerEnv(): Record<string, string> {
    return { HOME: join(this.#directory, 'dialer'), XDG_CONFIG_HOME: join(this.#directory, 'dialer') };
  }

  get tunnels(): readonly Tunnel[] {
    return this.#tunnels;
  }

  get processes(): readonly TestProcess[] {
    return [this.relay, ...this.#tunnels.flatMap(({ expose, connect }) => [expose, connect])];
  }

  /** Exposes a port of this machine as a service of its own and opens a local port to it. */
  async open(backendPort: number): Promise<Tunnel> {
    const relay = ['--relay', this.#relayUrl];
    const service = ['--service', `backend-${this.#opened++}`];
    const expose = startCli(join(this.#directory, 'owner'), [
      ...['expose', String(backendPort), '--allow-any', '--json', ...service, ...relay],
    ]);
    const address = String((await expose.waitFor('ready'))['address']);
    const connect = startCli(join(this.#directory, 'dialer'), [
      ...['connect', address, '--listen', '127.0.0.1:0', '--json', ...relay],
    ]);
    const listening = String((await connect.waitFor('listening'))['address']);
    const tunnel = { backendPort, port: Number(listening.split(':').at(-1)), expose, connect, address };
    this.#tunnels.push(tunnel);
    return tunnel;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
