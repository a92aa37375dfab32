import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from './process-table.mjs';

const stepMs = 400;
const calm = 0.004;
const longestMs = 5_000;

/** Resident bytes of each process once none of them grows or shrinks any more, or after five seconds. */
export async function settledMemory(processes) {
  const read = () => processes.map(({ pids }) => residentBytes(pids));
  let seen = read();
  let calmSteps = 0;
  for (let waitedMs = 0; waitedMs < longestMs && calmSteps < 3; waitedMs += stepMs) {
    await sleep(stepMs);
    const now = read();
    const isCalm = now.every((bytes, index) => Math.abs(bytes - seen[index]) <= seen[index] * calm);
    calmSteps = isCalm ? calmSteps + 1 : 0;
    seen = now;
  }
  return seen;
}
