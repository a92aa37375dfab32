import { parentPort, workerData } from 'node:worker_threads';

process.setSourceMapsEnabled(true);
const { bundle, blockCount, state, capacity, task } = workerData;
// Before the sources load: each takes the array as it starts.
globalThis.__sealaneHits = new Uint8Array(Math.ceil(blockCount / 4) * 4);
const { runTarget } = await import(bundle);

// The parent reads here what runs now, should it never return.
const counters = new Int32Array(state, 0, 2);
const current = new Uint8Array(state, 8, capacity);
const announce = (input) => {
  current.set(input.subarray(0, capacity));
  counters[1] = input.length;
  Atomics.add(counters, 0, 1);
};
parentPort.postMessage(await runTarget({ ...task, announce }));
