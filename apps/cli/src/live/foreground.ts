import { readFileSync } from 'node:fs';

/**
 * Whether this program has the terminal. In the background (`&`, or `bg` after Ctrl-Z) lines would be drawn over what the
 * user does meanwhile. Only Linux says so; elsewhere the answer is yes.
 */
export function isForeground(readStat: () => string = () => readFileSync('/proc/self/stat', 'utf8')): boolean {
  if (process.platform !== 'linux') return true;
  try {
    // `pid (name) state ppid pgrp session tty tpgid ...`; the name may hold anything.
    const stat = readStat();
    const [, , group, , , foregroundGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foregroundGroup;
  } catch {
    // Without /proc nobody knows.
    return true;
  }
}
