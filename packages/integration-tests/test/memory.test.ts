import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLongRun, startProcess, stopAllProcesses, type Target, type TestProcess } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostileClient } from '../../../apps/relay/test/hostile-client.js';
import { ThreeProcesses } from './three-processes.js';

const MIB = 1 << 20;
/** What docs/limits.md states, in bytes of resident memory. */
const Bound = {
  /** A relay of itself, with all that its heap grows to. */
  RELAY: 192 * MIB,
  /** For each idle client with a lease. */
  RELAY_CLIENT: 12 * 1_024,
  /** Times its budget, which is the most that what it counts can cost. */
  RELAY_BUDGET: 1.6,
  OWNER: 512 * MIB,
  DIALER: 512 * MIB,
} as const;
/** A quarter of it where it need not take long: what is held does not grow with what has passed. */
const BOTH_WAYS_MIB = isLongRun() ? 1_024 : 256;
const IDLE_CLIENTS = isLongRun() ? 10_000 : 1_000;
/** A process may open 20,000 files. */
const IDLE_PROCESSES = isLongRun() ? 4 : 2;
const SMALL_BUDGET_MIB = 32;
const timeoutMs = 600_000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-memory-'));
});
afterEach(async () => {
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

/** A backend and connections to it through a tunnel, in a process of their own. */
class Traffic {
  readonly process: TestProcess;
  /** As `expose` takes it. */
  readonly backend: string;

  private constructor(process: TestProcess, backend: string) {
    this.process = process;
    this.backend = backend;
  }

  static async start(path?: string): Promise<Traffic> {
    const file = supportFile('memory-traffic.mjs');
    const child = startProcess(file, path === undefined ? [] : [path]);
    const { port } = await child.waitFor('backend');
    return new Traffic(child, path === undefined ? `127.0.0.1:${port}` : `unix:${path}`);
  }

  /** Sends bytes there and back, both at once, and expects every one of them. */
  async echo(to: Target, bytes: number): Promise<void> {
    expect(await this.tryEcho(to, bytes)).toEqual(['fin', bytes, true]);
  }

  async tryEcho(to: Target, bytes: number): Promise<unknown[]> {
    const { end, received, isRight } = await this.#ask('echo', { do: 'echo', to, bytes });
    return [end, received, isRight];
  }

  /** Opens connections that nobody reads, and fills them. */
  async stall(to: Target, count: number): Promise<{ readonly open: number; readonly broken: number }> {
    const { open, broken } = await this.#ask('stalled', { do: 'stall', to, count });
    return { open: Number(open), broken: Number(broken) };
  }

  async #ask(event: string, command: object): Promise<Record<string, unknown>> {
    const from = this.process.events.length;
    this.process.child.stdin?.write(`${JSON.stringify(command)}\n`);
    return await this.process.waitFor(event, undefined, { from, timeoutMs });
  }
}

function supportFile(name: string): string {
  return fileURLToPath(new URL(`support/${name}`, import.meta.url));
}

const megabytes = (bytes: readonly number[]): string => bytes.map((one) => Math.round(one / MIB)).join(', ');

/** Writes the numbers that docs/limits.md has into the report, where somebody asks for them. */
function note(what: string, bytes: readonly number[]): void {
  if (process.env['SEALANE_PEAKS'] !== undefined) console.log(`peak of ${what}, MiB: ${megabytes(bytes)}`);
}

describe('the memory of real processes', { timeout: timeoutMs }, () => {
  it(`${BOTH_WAYS_MIB} MiB up and down at once, of one connection`, async () => {
    const traffic = await Traffic.start();
    await using three = await ThreeProcesses.start(traffic.backend);
    await traffic.echo(three.target, BOTH_WAYS_MIB * MIB);
    const peaks = three.processes.map((one) => one.peakMemoryBytes());
    note(`relay, owner and dialer, ${BOTH_WAYS_MIB} MiB both ways`, peaks);
    for (const peak of peaks) expect(peak).toBeLessThan(Bound.RELAY);
  });

  it(`${IDLE_CLIENTS} idle clients with leases: a bound for each, none is lost, and others are served`, async () => {
    const traffic = await Traffic.start();
    await using three = await ThreeProcesses.start(traffic.backend);
    const holders = Array.from({ length: IDLE_PROCESSES }, () =>
      startProcess(supportFile('idle-clients.mjs'), [three.relayUrl, String(IDLE_CLIENTS / IDLE_PROCESSES)]),
    );
    for (const holder of holders) await holder.waitFor('held', undefined, { timeoutMs });
    await traffic.echo((await three.connectAgain()).target, 1_000_000);
    for (const holder of holders) {
      holder.child.stdin?.write('\n');
      expect(await holder.waitFor('report')).toMatchObject({ lost: 0 });
    }
    const peak = three.relay.peakMemoryBytes();
    note(`the relay, ${IDLE_CLIENTS} idle clients`, [peak]);
    expect(peak).toBeLessThan(Bound.RELAY + IDLE_CLIENTS * Bound.RELAY_CLIENT);
  });

  it('1,000 streams to readers that stand still, through expose and connect: others go on, and new ones come in', async () => {
    const traffic = await Traffic.start(join(directory, 'backend'));
    await using three = await ThreeProcesses.start(traffic.backend, { listen: `unix:${join(directory, 'dialer')}` });
    const other = await three.connectAgain();
    await traffic.echo(other.target, 1_000_000);
    const stalled = await traffic.stall(three.target, 1_000);
    expect(stalled.open + stalled.broken).toBe(1_000);
    // They hold three quarters of the owner's budget: more are told BUSY.
    expect((await traffic.stall(three.target, 300)).broken).toBeGreaterThan(0);
    const peaks = three.processes.map((one) => one.peakMemoryBytes());
    note('relay, owner and dialer, 1,000 stalled readers', peaks);
    expect(peaks[0]).toBeLessThan(Bound.RELAY);
    expect(peaks[1]).toBeLessThan(Bound.OWNER);
    expect(peaks[2]).toBeLessThan(Bound.DIALER);
    // What stands still is in nobody's way for longer than ten seconds.
    await expect
      .poll(() => traffic.tryEcho(other.target, 10_000_000), { timeout: 60_000, interval: 500 })
      .toEqual(['fin', 10_000_000, true]);
  });

  it('a relay with a small budget: BUSY where it is over it, nothing beyond it, and the others are served', async () => {
    const traffic = await Traffic.start();
    await using three = await ThreeProcesses.start(traffic.backend, {
      relayOptions: ['--set', `limits.memoryBudgetBytes=${SMALL_BUDGET_MIB}MiB`],
    });
    await traffic.echo(three.target, 1_000_000);
    // Two dialers, each with 200 sessions to an owner that accepts them and gives no credit back.
    const owner = await HostileClient.connect(three.relayUrl);
    expect(await owner.register({})).toBe('REGISTERED');
    owner.acceptsAll = true;
    const dialers = [await HostileClient.connect(three.relayUrl), await HostileClient.connect(three.relayUrl)];
    for (const dialer of dialers) {
      for (let round = 0; round < 10; round++) {
        const streams = Array.from({ length: 20 }, () => dialer.openTo(owner));
        await dialer.roundTrip();
        await owner.roundTrip();
        // One window goes on to the owner, and a part of the next one stays.
        for (let part = 0; part < 6; part++) {
          for (const stream of streams) await dialer.write(dialer.data(stream, 65_000));
          await dialer.roundTrip();
          await owner.roundTrip();
        }
      }
    }
    await three.relay.waitFor('refused', ({ code }) => code === 'BUSY');
    // Who is there goes on; who comes is told BUSY at most until those that stand still are reset.
    await traffic.echo(three.target, 10_000_000);
    const again = await three.connectAgain();
    await expect
      .poll(() => traffic.tryEcho(again.target, 10_000_000), { timeout: 60_000, interval: 500 })
      .toEqual(['fin', 10_000_000, true]);
    const peak = three.relay.peakMemoryBytes();
    note('a relay with a budget of 32 MiB', [peak]);
    expect(peak).toBeLessThan(Bound.RELAY + SMALL_BUDGET_MIB * MIB * Bound.RELAY_BUDGET);
    expect([three.relay.hasExited, three.relay.stderr, owner.isClosed]).toEqual([false, '', false]);
    for (const client of [owner, ...dialers]) client.close();
  });
});
