import { type ProcessExit, type ProcessOptions, runProcess } from '@sealane/testkit';
import type { Tunnel } from './tunnels.js';

export interface ProgramResult extends ProcessExit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions extends ProcessOptions {
  readonly input?: string | Uint8Array;
  /** Default 120,000. */
  readonly deadlineMs?: number;
}

/** Runs a program to its end, with messages in English. */
export function runProgram(
  command: string,
  args: readonly string[],
  { env, ...options }: RunOptions = {},
): Promise<ProgramResult> {
  const [first = '', ...rest] = args;
  return runProcess(first, rest, { deadlineMs: 120_000, ...options, command, env: { LC_ALL: 'C', ...env } });
}

/** Runs it and fails with its output unless it ends with 0; its standard output. */
export async function outputOf(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, signal, stdout, stderr } = await runProgram(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code ?? signal}\n${stdout}\n${stderr}`);
  return stdout;
}

/** What the same work gives directly at the backend, and through the tunnel. */
export interface BothWays<Result> {
  readonly direct: Result;
  readonly through: Result;
}

/** One after the other: first directly. `way` names files of their own. */
export async function bothWays<Result>(
  tunnel: Tunnel,
  work: (port: number, way: 'direct' | 'through') => Promise<Result>,
): Promise<BothWays<Result>> {
  const direct = await work(tunnel.backendPort, 'direct');
  const through = await work(tunnel.port, 'through');
  return { direct, through };
}
