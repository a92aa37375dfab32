import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessEvent, TestProcess } from '@sealane/testkit';
import { startCli } from '../../three-processes.js';
import { StandingRelay } from './standing-relay.js';

export interface RelayStageOptions {
  /** Default 1. */
  readonly relays?: number;
  readonly relayArgs?: readonly string[];
  /** What the owner is told instead of the relays' URLs, e.g. of wires in front of them. */
  readonly ownerUrls?: (relays: readonly StandingRelay[]) => readonly string[] | Promise<readonly string[]>;
  readonly dialerUrls?: (relays: readonly StandingRelay[]) => readonly string[] | Promise<readonly string[]>;
}

/** Relays that can be killed and started again, and one pair of expose and connect that knows all of them. */
export class RelayStage implements AsyncDisposable {
  readonly directory: string;
  readonly relays: readonly StandingRelay[];
  readonly owner: TestProcess;
  readonly dialer: TestProcess;
  /** Where a local program connects to. */
  readonly target: { readonly port: number };

  private constructor(
    directory: string,
    relays: readonly StandingRelay[],
    processes: { readonly owner: TestProcess; readonly dialer: TestProcess; readonly port: number },
  ) {
    this.directory = directory;
    this.relays = relays;
    this.owner = processes.owner;
    this.dialer = processes.dialer;
    this.target = { port: processes.port };
  }

  static async start(backendPort: number, options: RelayStageOptions = {}): Promise<RelayStage> {
    const directory = mkdtempSync(join(tmpdir(), 'sealane-relays-'));
    const numbers = Array.from({ length: options.relays ?? 1 }, (_, index) => index);
    const relays = await Promise.all(
      numbers.map((number) => StandingRelay.start(join(directory, `relay-${number}`), options.relayArgs)),
    );
    const urls = relays.map(({ url }) => url);
    const ownerUrls = (await options.ownerUrls?.(relays)) ?? urls;
    const dialerUrls = (await options.dialerUrls?.(relays)) ?? urls;
    const owner = startCli(join(directory, 'owner'), [
      ...['expose', String(backendPort), '--allow-any', '--json'],
      ...ownerUrls.flatMap((url) => ['--relay', url]),
    ]);
    const address = String((await owner.waitFor('ready'))['address']);
    const dialer = startCli(join(directory, 'dialer'), [
      ...['connect', address, '--listen', '127.0.0.1:0', '--json'],
      ...dialerUrls.flatMap((url) => ['--relay', url]),
    ]);
    const listening = String((await dialer.waitFor('listening'))['address']);
    return new RelayStage(directory, relays, { owner, dialer, port: Number(listening.split(':').at(-1)) });
  }

  get relay(): StandingRelay {
    return this.relays[0]!;
  }

  /** What both sides said of sessions that were resumed. */
  get resumed(): readonly ProcessEvent[] {
    return [this.owner, this.dialer].flatMap(({ events }) => events.filter(isResumed));
  }

  /** Streams that either side reports as anything but done in order. */
  get resets(): readonly ProcessEvent[] {
    return [this.owner, this.dialer].flatMap(({ events }) =>
      events.filter(({ event, state }) => event === 'stream' && state === 'reset'),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const processes = [this.owner, this.dialer, ...this.relays.map(({ process }) => process)];
    await Promise.all(processes.map((process) => process.kill()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function isResumed({ event, state }: ProcessEvent): boolean {
  return event === 'session' && state === 'resumed';
}
