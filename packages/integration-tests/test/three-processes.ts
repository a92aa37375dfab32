import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ProcessOptions, startProcess, type Target, type TestProcess } from '@sealane/testkit';

// The programs as they are installed: the built files that the packages' `bin` names.
const resolve = createRequire(import.meta.url).resolve;
export const relayFile = join(dirname(resolve('@sealane/relay/package.json')), 'dist/main.js');
export const cliFile = join(dirname(resolve('sealane/package.json')), 'dist/main.js');

export interface ThreeOptions {
  /** `ulimit -n` of the relay. */
  readonly relayOpenFiles?: number;
  /** Further options of the relay. */
  readonly relayOptions?: readonly string[];
  /** Where `connect` listens; by default a port that the platform picks. */
  readonly listen?: string;
  /** Port in front of the relay that the dialer uses, e.g. of a faulty wire. */
  readonly dialerRelayPort?: (relayPort: number) => number | Promise<number>;
  /** The same for the owner. */
  readonly ownerRelayPort?: (relayPort: number) => number | Promise<number>;
  /** Further options of `expose` and `connect`. */
  readonly cliOptions?: readonly string[];
  /** For Node itself, of all three. */
  readonly node?: Pick<ProcessOptions, 'execArgv' | 'env'>;
}

/** Relay, owner and dialer as real processes, each with a home directory of its own. */
export class ThreeProcesses implements AsyncDisposable {
  readonly relay: TestProcess;
  readonly owner: TestProcess;
  readonly dialer: TestProcess;
  readonly relayPort: number;
  /** Where a local program connects to. */
  readonly target: Target;
  readonly address: string;
  readonly #directory: string;

  private constructor(
    processes: readonly [TestProcess, TestProcess, TestProcess],
    ports: { readonly relayPort: number; readonly target: Target; readonly address: string },
    directory: string,
  ) {
    [this.relay, this.owner, this.dialer] = processes;
    this.relayPort = ports.relayPort;
    this.target = ports.target;
    this.address = ports.address;
    this.#directory = directory;
  }

  /** One more dialer with an identity of its own; it is over with the others. */
  async connectAgain(): Promise<{ readonly dialer: TestProcess; readonly target: Target }> {
    const dialer = startCli(mkdtempSync(join(this.#directory, 'again-')), [
      ...['connect', this.address, '--listen', '127.0.0.1:0', '--json'],
      ...['--relay', this.relayUrl],
    ]);
    const listening = String((await dialer.waitFor('listening'))['address']);
    return { dialer, target: { port: Number(listening.split(':').at(-1)) } };
  }

  /** Exposes `backend` (as `sealane expose` takes it) and connects to it. */
  static async start(backend: string, options: ThreeOptions = {}): Promise<ThreeProcesses> {
    const directory = mkdtempSync(join(tmpdir(), 'sealane-three-'));
    const relay = startRelay(join(directory, 'relay'), options);
    const relayPort = Number(new URL(String((await relay.waitFor('listening'))['url'])).port);
    const ownerPort = (await options.ownerRelayPort?.(relayPort)) ?? relayPort;
    const dialerPort = (await options.dialerRelayPort?.(relayPort)) ?? relayPort;
    const owner = startCli(
      join(directory, 'owner'),
      [
        ...['expose', backend, '--allow-any', '--json'],
        ...['--relay', `ws://127.0.0.1:${ownerPort}`],
        ...(options.cliOptions ?? []),
      ],
      options.node,
    );
    const address = String((await owner.waitFor('ready'))['address']);
    const dialer = startCli(
      join(directory, 'dialer'),
      [
        ...['connect', address, '--listen', options.listen ?? '127.0.0.1:0', '--json'],
        ...['--relay', `ws://127.0.0.1:${dialerPort}`],
        ...(options.cliOptions ?? []),
      ],
      options.node,
    );
    const listening = String((await dialer.waitFor('listening'))['address']);
    const target = listening.startsWith('unix:')
      ? { path: listening.slice('unix:'.length) }
      : { port: Number(listening.split(':').at(-1)) };
    return new ThreeProcesses([relay, owner, dialer], { relayPort, target, address }, directory);
  }

  get relayUrl(): string {
    return `ws://127.0.0.1:${this.relayPort}`;
  }

  get processes(): readonly TestProcess[] {
    return [this.relay, this.owner, this.dialer];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** With `relayOpenFiles` under a shell's `ulimit -n`. */
export function startRelay(
  dataDirectory: string,
  { relayOpenFiles, relayOptions = [], node }: Pick<ThreeOptions, 'relayOpenFiles' | 'relayOptions' | 'node'> = {},
): TestProcess {
  const args = ['--listen', '127.0.0.1:0', '--data-dir', dataDirectory, '--json', ...relayOptions];
  const label = 'sealane-relay';
  if (relayOpenFiles === undefined) return startProcess(relayFile, args, { ...node, label });
  const script = `ulimit -n ${relayOpenFiles}; exec "$0" "$@"`;
  return startProcess('-c', [script, process.execPath, relayFile, ...args], { command: '/bin/sh', label });
}

/** Runs `sealane` with its identity and files below `home`. */
export function startCli(home: string, args: readonly string[], node: ThreeOptions['node'] = {}): TestProcess {
  const env = { HOME: home, XDG_CONFIG_HOME: home, SEALANE_RELAY: undefined, ...node.env };
  return startProcess(cliFile, args, { ...node, label: `sealane ${args[0]}`, env });
}
