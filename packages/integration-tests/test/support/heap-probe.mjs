// Loaded into a program (`node --expose-gc --import heap-probe.mjs PROGRAM`): at each SIGUSR2 it says what is left in memory
// after a collection, as one more line of its JSON output, and writes a heap snapshot where it is told to.
import { setTimeout as sleep } from 'node:timers/promises';
import v8 from 'node:v8';

const folder = process.env.SEALANE_HEAP_SNAPSHOTS;
let count = 0;

process.on('SIGUSR2', async () => {
  // What is finalized after a collection may free more.
  for (let round = 0; round < 3; round++) {
    globalThis.gc();
    await sleep(20);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const { code_and_metadata_size: code, bytecode_and_metadata_size: bytecode } = v8.getHeapCodeStatistics();
  const snapshot = folder && v8.writeHeapSnapshot(`${folder}/${process.pid}-${count++}.heapsnapshot`);
  const line = { event: 'memory', rss, live: heapUsed + external, code: code + bytecode, snapshot };
  process.stdout.write(`${JSON.stringify(line)}\n`);
});
