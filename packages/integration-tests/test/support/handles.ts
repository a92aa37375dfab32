import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Files and sockets that a process holds open. Linux only. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Lowers or raises `ulimit -n` of a process that runs, with the program `prlimit`. */
export function setMaxOpenFiles(prlimit: string, pid: number, files: number): void {
  execFileSync(prlimit, ['--pid', String(pid), `--nofile=${files}:`]);
}

/** Connections to the port that the kernel has taken and the process has not. Linux only. */
export function acceptBacklog(port: number): number {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  // State 0A is LISTEN, whose receive queue counts connections.
  const line = new RegExp(`: 0100007F:${hexPort} \\S+ 0A \\S+:([0-9A-F]{8}) `).exec(
    readFileSync('/proc/net/tcp', 'utf8'),
  );
  if (line === null) throw new Error(`nobody listens on ${port}`);
  return Number.parseInt(line[1] ?? '', 16);
}
