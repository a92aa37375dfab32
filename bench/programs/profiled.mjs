// Preloaded into a process that is profiled (`node --import`): SIGUSR2 starts what `--cpu-prof` takes, and the next one writes it to
// SEALANE_BENCH_PROFILES/PID with the CPU time between the two. So start-up and warming up are not in it.
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';

const session = new Session();
session.connect();
let cpuBefore;

process.on('SIGUSR2', async () => {
  if (cpuBefore === undefined) {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 200 });
    await session.post('Profiler.start');
    cpuBefore = process.cpuUsage();
    return;
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const { profile } = await session.post('Profiler.stop');
  const file = join(process.env.SEALANE_BENCH_PROFILES, String(process.pid));
  writeFileSync(`${file}.part`, JSON.stringify({ ...profile, cpuUs: user + system, kernelUs: system }));
  renameSync(`${file}.part`, file);
});
