import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEchoServer, type TestProcess } from '@sealane/testkit';
import { expect, test } from 'vitest';
import { cliFile, relayFile } from '../three-processes.js';
import { Namespaces } from './support/namespaces.js';
import { Pulse } from './support/pulse.js';
import { reportPauses } from './support/report-pauses.js';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const isReset = ({ event, state }: { event: string; [key: string]: unknown }): boolean =>
  event === 'stream' && state === 'reset';

/** Relays and the owner in one network, the dialer in another; the local programs reach both through unix sockets. */
class NetworkStage implements AsyncDisposable {
  readonly relays: readonly TestProcess[];
  readonly owner: TestProcess;
  readonly dialer: TestProcess;
  readonly path: string;
  readonly #cleanUp: () => Promise<void>;

  private constructor(
    processes: { readonly relays: readonly TestProcess[]; readonly owner: TestProcess; readonly dialer: TestProcess },
    path: string,
    cleanUp: () => Promise<void>,
  ) {
    this.relays = processes.relays;
    this.owner = processes.owner;
    this.dialer = processes.dialer;
    this.path = path;
    this.#cleanUp = cleanUp;
  }

  static async start(namespaces: Namespaces, count: number): Promise<NetworkStage> {
    const directory = mkdtempSync(join(tmpdir(), 'sealane-networks-'));
    const backend = await startEchoServer({ path: join(directory, 'backend') });
    const relays = Array.from({ length: count }, (_, number) => {
      const args = ['--listen', `${namespaces.relayAddress(number)}:8787`, '--open', '--json'];
      const data = ['--data-dir', join(directory, `relay-${number}`)];
      return namespaces.start(namespaces.relays, [relayFile, ...args, ...data], { label: `relay ${number}` });
    });
    await Promise.all(relays.map((relay) => relay.waitFor('listening')));
    const urls = relays.flatMap((_, number) => ['--relay', `ws://${namespaces.relayAddress(number)}:8787`]);
    const client = (namespace: string, args: readonly string[]): TestProcess => {
      const home = join(directory, args[0] ?? '');
      const env = { HOME: home, XDG_CONFIG_HOME: home, SEALANE_RELAY: undefined };
      return namespaces.start(namespace, [cliFile, ...args, '--json', ...urls], { label: `sealane ${args[0]}`, env });
    };
    const owner = client(namespaces.relays, ['expose', `unix:${join(directory, 'backend')}`, '--allow-any']);
    const address = String((await owner.waitFor('ready'))['address']);
    const path = join(directory, 'local');
    const dialer = client(namespaces.dialer, ['connect', address, '--listen', `unix:${path}`]);
    await dialer.waitFor('listening');
    return new NetworkStage({ relays, owner, dialer }, path, async () => {
      await Promise.all([...relays, owner, dialer].map((process) => process.kill()));
      await backend.close();
      rmSync(directory, { recursive: true, force: true });
    });
  }

  get resets(): readonly unknown[] {
    return [...this.owner.events, ...this.dialer.events].filter(isReset);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp();
  }
}

test.concurrent('a dialer whose address changes goes on from the new one', async (context) => {
  using namespaces = Namespaces.create(context, 1);
  await using stage = await NetworkStage.start(namespaces, 1);
  await using pulse = await Pulse.start({ path: stage.path });
  const pauses: number[] = [];
  for (const [from, to] of [
    [2, 3],
    [3, 4],
  ] as const) {
    await sleep(500);
    const movedMs = performance.now();
    namespaces.moveDialer(0, from, to);
    pauses.push(await pulse.pauseSince(movedMs));
  }
  await pulse.finish();
  expect(stage.resets).toEqual([]);
  reportPauses('the local address changes -> next byte', pauses);
  expect(Math.max(...pauses)).toBeLessThan(15_000);
});

test.concurrent('a device that is down for a while costs that time and no stream', async (context) => {
  using namespaces = Namespaces.create(context, 1);
  await using stage = await NetworkStage.start(namespaces, 1);
  await using pulse = await Pulse.start({ path: stage.path });
  namespaces.setLink(0, 'down');
  await stage.dialer.waitFor('session', ({ state }) => state === 'interrupted');
  await sleep(1_000);
  namespaces.setLink(0, 'up');
  const pauseMs = await pulse.pauseSince(performance.now());
  await pulse.finish();
  expect(stage.resets).toEqual([]);
  reportPauses('the device is up again -> next byte', [pauseMs]);
  expect(pauseMs).toBeLessThan(15_000);
});

test.concurrent('with two relays, the way to the one in use cut without a word, a connection goes on over the other one', async (context) => {
  using namespaces = Namespaces.create(context, 2);
  await using stage = await NetworkStage.start(namespaces, 2);
  await using pulse = await Pulse.start({ path: stage.path });
  const used = stage.relays.findIndex(({ events }) => events.some(({ event }) => event === 'session-open'));
  await sleep(1_000);
  const cutMs = performance.now();
  namespaces.setLink(used, 'down');
  const pauseMs = await pulse.pauseSince(cutMs);
  await pulse.finish();
  expect(stage.resets).toEqual([]);
  reportPauses('two relays, the way to the one in use cut -> next byte', [pauseMs]);
  expect(pauseMs).toBeLessThan(12_000);
});
