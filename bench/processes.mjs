// The processes of a run: two paths between one load generator and one backend.
import { fork, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const children = [];
const directories = [];
// The unit of /proc/PID/stat; it is 100 on every Linux that Node runs on.
const ticksPerSecond = 100;

process.once('exit', stopAll);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

export function stopAll() {
  for (const child of children) child.kill('SIGKILL');
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** A script of this directory that answers each message with one message. */
export async function startHelper(name, ...args) {
  const child = fork(join(here, name), args.map(String), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.push(child);
  let lastId = 0;
  const ask = (message) =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
      child.setMaxListeners(0);
      child.send({ id, ...message });
    });
  return { pid: child.pid, ask, first: () => new Promise((resolve) => child.once('message', resolve)) };
}

/** Three plain forwarders in a row in front of the backend. */
export async function startFloor(backendPort) {
  const pids = [];
  let port = backendPort;
  for (let hop = 0; hop < 3; hop++) {
    const forwarder = await startHelper('forwarder.mjs', port);
    ({ port } = await forwarder.first());
    pids.push(forwarder.pid);
  }
  return { port, pids };
}

/** Relay, owner and dialer as they are installed; `options` are for expose and connect. */
export async function startSealane(backendPort, options = []) {
  const directory = mkdtempSync(join(tmpdir(), 'sealane-bench-'));
  directories.push(directory);
  const relayBin = join(root, 'apps/relay/dist/main.js');
  const cliBin = join(root, 'apps/cli/dist/main.js');
  const relay = await startProgram(
    [relayBin, '--listen', '127.0.0.1:0', '--data-dir', join(directory, 'relay'), '--json'],
    'listening',
    directory,
  );
  const url = relay.event.url;
  const owner = await startProgram(
    [cliBin, 'expose', `127.0.0.1:${backendPort}`, '--relay', url, '--allow-any', '--json', ...options],
    'ready',
    join(directory, 'owner'),
  );
  const dialer = await startProgram(
    [cliBin, 'connect', owner.event.address, '--listen', '127.0.0.1:0', '--json', ...options],
    'listening',
    join(directory, 'dialer'),
  );
  const port = Number(dialer.event.address.split(':').at(-1));
  return { port, pids: [dialer.pid, relay.pid, owner.pid] };
}

/** User and system seconds of several processes. */
export function cpuSeconds(pids) {
  const ticks = pids.map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.map((value) => value / ticksPerSecond);
}

/** `home` keeps the identity that a program makes at its first use. */
function startProgram(args, eventName, home) {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CONFIG_HOME: home },
  });
  children.push(child);
  child.stderr.setEncoding('utf8').on('data', (text) => process.stderr.write(text));
  return new Promise((resolve, reject) => {
    let text = '';
    let isReady = false;
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (part) => {
      // Events go on for the whole run; only the first ones matter here.
      if (isReady) return;
      text += part;
      const lines = text.split('\n');
      text = lines.pop();
      for (const line of lines) {
        const event = JSON.parse(line);
        if (event.event !== eventName) continue;
        isReady = true;
        resolve({ pid: child.pid, event });
      }
    });
  });
}
