// Slices of load that alternate among paths, all of them alive.
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds } from './process-table.mjs';
import { rotate } from './statistics.mjs';

const warmUpMs = 150;
const settleStepMs = 100;
const longestSettleMs = 3_000;
/** One tick of the clock of /proc: what an idle process may seem to have used. */
const idleSeconds = 0.011;

export class Slices {
  #load;
  #backend;
  #sliceMs;

  /** `load` and `backend` are helpers that all paths share. */
  constructor({ load, backend, sliceMs }) {
    this.#load = load;
    this.#backend = backend;
    this.#sliceMs = sliceMs;
  }

  /** For each path its slices, in the order of the rounds; who goes first rotates. One slice each that does not count comes before. */
  async rounds(paths, { kind, width, rounds, firstMs = Math.min(300, this.#sliceMs) }) {
    const names = Object.keys(paths);
    const slices = Object.fromEntries(names.map((name) => [name, []]));
    for (const name of names) await this.#slice(paths[name], kind, width, firstMs);
    for (let round = 0; round < rounds; round++) {
      for (const name of rotate(names, round)) {
        slices[name].push(await this.#slice(paths[name], kind, width, this.#sliceMs));
      }
    }
    return slices;
  }

  async #slice(path, kind, width, sliceMs) {
    await this.#load.ask('start', { port: path.port, kind, width });
    await sleep(warmUpMs);
    const before = await this.#snapshot(kind, path);
    await sleep(sliceMs);
    const after = await this.#snapshot(kind, path);
    await this.#load.ask('stop');
    await this.#settle(path);
    return {
      seconds: (after.timeMs - before.timeMs) / 1_000,
      bytes: after.bytes - before.bytes,
      count: after.count - before.count,
      failures: after.failures,
      latencies: after.latencies,
      cpu: after.cpu.map((seconds, index) => seconds - before.cpu[index]),
    };
  }

  /** Until the path stands still: what it still has in its buffers must not burden the next slice, of another one. */
  async #settle({ processes }) {
    const pids = processes.flatMap((process) => process.pids);
    const deadlineMs = performance.now() + longestSettleMs;
    let seen = cpuSeconds(pids);
    for (;;) {
      await sleep(settleStepMs);
      const now = cpuSeconds(pids);
      if (now - seen <= idleSeconds || performance.now() > deadlineMs) return;
      seen = now;
    }
  }

  /** Bytes are counted where they arrive. The last two CPU times are the load generator's and the backend's. */
  async #snapshot(kind, path) {
    const seen = await this.#load.ask('snapshot');
    const arrived = kind === 'up' ? await this.#backend.ask('snapshot') : seen;
    const groups = [...path.processes.map(({ pids }) => pids), [this.#load.pid], [this.#backend.pid]];
    return { ...seen, bytes: arrived.bytes, timeMs: arrived.timeMs, cpu: groups.map(cpuSeconds) };
  }
}
