// Loaded into a relay with `--import profile-relay.mjs?directory=PATH`: SIGUSR2 starts a profile of its CPU and a histogram of how late its
// event loop is, the next one ends both and writes them to `PATH/NUMBER.json`.
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const directory = new URL(import.meta.url).searchParams.get('directory');
const samplingMicroseconds = 400;
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: samplingMicroseconds });
let number = 0;
let running;

process.on('SIGUSR2', () => {
  if (running === undefined) begin();
  else end();
});

function begin() {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  running = { delay, cpu: process.cpuUsage() };
  delay.enable();
  session.post('Profiler.start');
}

function end() {
  const { delay, cpu } = running;
  running = undefined;
  delay.disable();
  const { user, system } = process.cpuUsage(cpu);
  session.post('Profiler.stop', (_error, { profile }) => {
    const late = Object.fromEntries([50, 90, 99, 100].map((share) => [share, delay.percentile(share) / 1e6]));
    const file = join(directory, `${number++}.json`);
    writeFileSync(`${file}.part`, JSON.stringify({ profile, late, userMs: user / 1e3, systemMs: system / 1e3 }));
    renameSync(`${file}.part`, file);
  });
}
