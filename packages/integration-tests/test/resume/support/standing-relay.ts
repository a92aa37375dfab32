import { randomInt } from 'node:crypto';
import { startProcess, type TestProcess } from '@sealane/testkit';
import { relayFile } from '../../three-processes.js';

/**
 * A relay that comes back at the same port with the same identity. The port lies below those that the platform gives to
 * outgoing connections: nobody takes it while the relay is away.
 */
export class StandingRelay implements AsyncDisposable {
  readonly port: number;
  readonly #directory: string;
  readonly #args: readonly string[];
  #process: TestProcess;
  #id: string;

  private constructor(
    port: number,
    directory: string,
    args: readonly string[],
    started: { readonly process: TestProcess; readonly id: string },
  ) {
    this.port = port;
    this.#directory = directory;
    this.#args = args;
    this.#process = started.process;
    this.#id = started.id;
  }

  static async start(directory: string, args: readonly string[] = []): Promise<StandingRelay> {
    for (let attempt = 0; ; attempt++) {
      const port = randomInt(10_000, 32_000);
      try {
        return new StandingRelay(port, directory, args, await startAt(port, directory, args));
      } catch (error) {
        // Somebody has the port.
        if (attempt >= 20) throw error;
      }
    }
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get id(): string {
    return this.#id;
  }

  get process(): TestProcess {
    return this.#process;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  /** After `kill` or an exit. Resolves with the time of `performance.now()` at which it listens. */
  async restart(): Promise<number> {
    const { process, id } = await startAt(this.port, this.#directory, this.#args);
    const atMs = performance.now();
    this.#process = process;
    this.#id = id;
    return atMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill();
  }
}

async function startAt(
  port: number,
  directory: string,
  args: readonly string[],
): Promise<{ readonly process: TestProcess; readonly id: string }> {
  const listen = ['--listen', `127.0.0.1:${port}`, '--data-dir', directory, '--json'];
  const process = startProcess(relayFile, [...listen, ...args], { label: `sealane-relay ${port}` });
  const { id } = await process.waitFor('listening');
  return { process, id: String(id) };
}
