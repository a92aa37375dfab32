// Processes that belong together and end together, whatever ends the benchmark.
import { fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { descendants } from './process-table.mjs';

const programs = join(dirname(fileURLToPath(import.meta.url)), 'programs');
const stages = new Set();
const readyMs = 30_000;

process.once('exit', () => {
  for (const stage of stages) stage.kill();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, async () => {
    await Promise.all([...stages].map((stage) => stage.stop()));
    process.exit(1);
  });
}

/** Owns children and temporary directories. `stop()` ends all of them by their own ids, with what they started, and waits. */
export class Stage {
  #children = new Set();
  #directories = [];
  #isStopped = false;

  constructor() {
    stages.add(this);
  }

  async stop() {
    const ended = [...this.#children].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    this.kill();
    await Promise.all(ended);
  }

  kill() {
    this.#isStopped = true;
    stages.delete(this);
    const pids = [...this.#children].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
    // A server's own children are not ours to see: they are looked up before their parent is gone.
    for (const pid of [...pids, ...descendants(pids)]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    }
    for (const directory of this.#directories.splice(0)) rmSync(directory, { recursive: true, force: true });
  }

  directory(label) {
    const directory = mkdtempSync(join(tmpdir(), `sealane-bench-${label}-`));
    this.#directories.push(directory);
    return directory;
  }

  /** A script of `programs/`, or the one at `file`, that says when it is ready and answers questions. */
  async helper(name, args = [], { file = join(programs, name) } = {}) {
    const child = fork(file, args.map(String), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: environment() });
    this.#own(child, name);
    const waiting = new Map();
    let lastId = 0;
    let onReady;
    const ready = new Promise((resolve, reject) => {
      onReady = resolve;
      child.once('exit', (code, signal) => {
        const error = new Error(`${name} ended with ${code ?? signal}`);
        reject(error);
        for (const [, fail] of waiting.values()) fail(error);
      });
    });
    child.on('message', ({ id, error, ...values }) => {
      if (id === undefined) return onReady(values);
      const [resolve, reject] = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) resolve(values);
      else reject(new Error(`${name}: ${error}`));
    });
    const ask = (command, options = {}) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        waiting.set(id, [resolve, reject]);
        child.send({ ...options, id, command });
      });
    return { pid: child.pid, child, ask, ...(await within(ready, name)) };
  }

  /** One of our own programs, up to the event that says that it can be used. `home` keeps its identity. */
  async program(args, { eventName, home }) {
    const child = this.command(process.execPath, args, {
      env: { XDG_CONFIG_HOME: home, SEALANE_RELAY: undefined },
      label: args.slice(0, 2).join(' '),
    });
    const event = new Promise((resolve, reject) => {
      let text = '';
      let isReady = false;
      child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}`)));
      child.stdout.on('data', (part) => {
        // Events go on for the whole run; only the first ones matter here.
        if (isReady) return;
        text += part;
        const lines = text.split('\n');
        text = lines.pop();
        for (const line of lines) {
          const parsed = JSON.parse(line);
          if (parsed.event !== eventName) continue;
          isReady = true;
          resolve(parsed);
        }
      });
    });
    child.stderr.on('data', (text) => process.stderr.write(text));
    return { pid: child.pid, child, event: await within(event, args.join(' ')) };
  }

  /** Any other program; what it says is kept for error messages. */
  command(file, args, { env = {}, label = file } = {}) {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment(env) });
    this.#own(child, label);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        child.said = (child.said + text).slice(-2_000);
      });
    }
    return child;
  }

  #own(child, name) {
    this.#children.add(child);
    child.said = '';
    child.once('error', (error) => {
      child.said = String(error);
    });
    child.once('exit', (code, signal) => {
      this.#children.delete(child);
      if (!this.#isStopped && child.isExpectedToEnd !== true) {
        console.error(`${name} ended with ${code ?? signal}: ${child.said}`.trim());
      }
    });
  }
}

/** Nobody else's proxies and settings: everything here is on this machine. */
function environment(more = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name));
  return { ...Object.fromEntries(kept), ...more };
}

async function within(promise, what) {
  const stop = new AbortController();
  const late = sleep(readyMs, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`${what} was not ready within ${readyMs / 1_000} s`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}

/** A port that was free just now, for programs that cannot pick one themselves. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when bytes go through `port` to the backend and back. `children` are those whose end makes it hopeless. */
export async function untilCarrying(port, children = []) {
  const deadlineMs = performance.now() + readyMs;
  for (;;) {
    if (await carries(port)) return;
    const ended = children.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
    if (ended !== undefined) throw new Error(`ended at once: ${ended.said.trim().split('\n').at(-1)}`);
    const said = children.map((child) => child.said.trim().split('\n').at(-1)).filter((text) => text !== '');
    if (performance.now() > deadlineMs) throw new Error(`carries nothing: ${said.join('; ')}`);
    await sleep(50);
  }
}

function carries(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' }, () => socket.write('E!'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => {});
    socket.once('close', () => resolve(false));
  });
}
