import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { startProcess, type TestProcess } from '@sealane/testkit';
import { vi } from 'vitest';
import type { RunOptions } from './run-program.js';

export interface PortServer {
  readonly port: number;
  readonly process: TestProcess;
}

export interface PortServerOptions extends Pick<RunOptions, 'env' | 'cwd' | 'user'> {
  /** What the program prints when it serves. */
  readonly ready: RegExp;
  /** A file that it writes what it says to, besides its own output. */
  readonly logFile?: string;
}

/**
 * Starts a server that cannot be told to take any free port. Below the range that the platform gives out few are taken;
 * one that is taken ends the server, and the next is tried.
 */
export async function startOnFreePort(
  command: string,
  args: (port: number) => readonly string[],
  { ready, logFile, ...options }: PortServerOptions,
): Promise<PortServer> {
  for (let attempt = 0; attempt < 20; attempt++) {
    if (logFile !== undefined) rmSync(logFile, { force: true });
    const port = randomInt(10_000, 32_000);
    const [first = '', ...rest] = args(port);
    const server = startProcess(first, rest, {
      ...options,
      command,
      events: 'none',
      env: { LC_ALL: 'C', ...options.env },
    });
    const output = (): string => `${server.stdout}\n${server.stderr}\n${readLog(logFile)}`;
    const isUp = await vi.waitUntil(
      () => {
        if (server.hasExited) return 'no';
        return ready.test(output()) ? 'yes' : false;
      },
      { timeout: 30_000, interval: 50 },
    );
    if (isUp === 'yes') return { port, process: server };
    if (!/address already in use/i.test(output())) throw new Error(`${command} did not start: ${output()}`);
  }
  throw new Error(`${command} found no free port`);
}

function readLog(path: string | undefined): string {
  return path !== undefined && existsSync(path) ? readFileSync(path, 'utf8') : '';
}
