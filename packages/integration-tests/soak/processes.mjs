// The processes of a soak: two relays that come back at their ports, and pairs of expose and connect behind faulty wires.
import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FaultyWire, startProcess } from '@sealane/testkit';

const { resolve } = createRequire(import.meta.url);
const relayFile = join(dirname(resolve('@sealane/relay/package.json')), 'dist/main.js');
const cliFile = join(dirname(resolve('sealane/package.json')), 'dist/main.js');
const probe = fileURLToPath(new URL('../test/support/heap-probe.mjs', import.meta.url));
/** For Node itself: programs say on request what is left in memory after a collection. */
const execArgv = ['--expose-gc', '--import', probe];

/** A program that is expected to run; `isDown` while a fault says otherwise. */
class Standing {
  isDown = false;
  starts = 0;

  constructor(name, start) {
    this.name = name;
    this.startProcess = start;
  }

  async start() {
    this.process = await this.startProcess();
    this.starts += 1;
    this.isDown = false;
  }

  get pid() {
    return this.process.hasExited ? undefined : this.process.pid;
  }

  /** Resident memory in MiB and open files; undefined while it does not run. */
  look() {
    if (this.isDown || this.pid === undefined) return undefined;
    try {
      const memory = Math.round((this.process.residentBytes() / 2 ** 20) * 10) / 10;
      return { memory, files: readdirSync(`/proc/${this.pid}/fd`).length };
    } catch (error) {
      // It ended just now: gone, or without memory until its parent has seen it.
      if (['ENOENT', 'ESRCH'].includes(error.code) || /has no VmRSS/.test(error.message)) return undefined;
      throw error;
    }
  }
}

/** Has it say, a little later, what is left in its memory: as an event `memory`. */
export function askForMemory(standing) {
  if (!standing.isDown && standing.pid !== undefined) standing.process.signal('SIGUSR2');
}

export async function startRelay(name, directory) {
  // Below the ports that the platform gives out: nobody takes it while the relay is away.
  for (let attempt = 0; ; attempt++) {
    const port = randomInt(10_000, 32_000);
    const args = ['--listen', `127.0.0.1:${port}`, '--data-dir', join(directory, name), '--json'];
    const relay = new Standing(name, async () => {
      const process = startProcess(relayFile, args, { label: name, execArgv });
      await process.waitFor('listening');
      return process;
    });
    try {
      await relay.start();
      return Object.assign(relay, { port });
    } catch (error) {
      if (attempt >= 20) throw error;
    }
  }
}

/** Sessions that a relay carries now, by what it says. */
export function carriedSessions({ process }) {
  const count = (name) => process.events.filter(({ event }) => event === name).length;
  return count('session-open') - count('session-close');
}

/** expose and connect for one backend; `port` is where programs connect to. */
export async function startPair(name, backendPort, { directory, ownerWires, dialerWires }) {
  const urls = (wires) => wires.flatMap(({ port }) => ['--relay', `ws://127.0.0.1:${port}`]);
  const expose = new Standing(`expose ${name}`, async () => {
    const args = ['expose', String(backendPort), '--service', name, '--allow-any', '--json', ...urls(ownerWires)];
    return startCli(join(directory, 'owner'), args);
  });
  await expose.start();
  const { address } = await expose.process.waitFor('ready');
  const connect = new Standing(`connect ${name}`, async () => {
    const args = ['connect', String(address), '--listen', '127.0.0.1:0', '--json', ...urls(dialerWires)];
    return startCli(join(directory, 'dialer'), args);
  });
  await connect.start();
  const listening = await connect.process.waitFor('listening');
  return { name, expose, connect, port: Number(String(listening.address).split(':').at(-1)) };
}

export function startWires(relays) {
  return Promise.all(relays.map(({ port }) => FaultyWire.start({ port })));
}

function startCli(home, args) {
  const env = { HOME: home, XDG_CONFIG_HOME: home, SEALANE_RELAY: undefined };
  return startProcess(cliFile, args, { label: `sealane ${args[0]}`, env, execArgv });
}
