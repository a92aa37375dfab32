// What /proc says about processes.
import { readdirSync, readFileSync } from 'node:fs';

// The unit of /proc/PID/stat and the size of a page; these are what Linux has wherever Node runs on it.
const ticksPerSecond = 100;
const pageBytes = 4_096;

/** User and system seconds of several processes together. */
export function cpuSeconds(pids) {
  return pids.reduce((sum, pid) => {
    const fields = statOf(pid);
    return sum + (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }, 0);
}

export function residentBytes(pids) {
  return pids.reduce((sum, pid) => {
    return sum + Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
  }, 0);
}

/** Files, sockets among them, that a process has open. */
export function openFiles(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** All processes below these, whoever started them. */
export function descendants(pids) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(statOf(name)[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch (error) {
      // It ended between the two.
      if (!['ENOENT', 'ESRCH'].includes(error.code)) throw error;
    }
  }
  const found = [];
  const next = [...pids];
  for (let pid = next.pop(); pid !== undefined; pid = next.pop()) {
    const own = children.get(pid) ?? [];
    found.push(...own);
    next.push(...own);
  }
  return found;
}

/** The fields after the name, which may hold anything. */
function statOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
