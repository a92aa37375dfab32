import { type ChildProcess, spawn } from 'node:child_process';
import { EventLog, type ProcessEvent, type WaitOptions } from './event-log.js';
import { cpuSeconds, peakMemoryBytes, residentBytes } from './proc-status.js';

export interface ProcessOptions {
  /** Stream that carries the JSON lines. Default stdout; `stdio: 'payload'` programs put them on stderr. */
  readonly events?: 'stdout' | 'stderr' | 'none';
  /** Added to the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Options for Node itself, before the file. */
  readonly execArgv?: readonly string[];
  /** Run this program instead of Node; `file` is then its first argument. */
  readonly command?: string;
  /** Run as this user and group; only the superuser can. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Name in messages. Default the file. */
  readonly label?: string;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<TestProcess>();

process.once('exit', () => {
  for (const child of running) child.killNow();
});

/** A child of the test in a process group of its own, so that it and what it started can be ended by their id. */
export class TestProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly label: string;
  readonly exited: Promise<ProcessExit>;
  readonly #log: EventLog;
  readonly #eventStream: 'stdout' | 'stderr' | 'none';
  #stdout = '';
  #stderr = '';

  constructor(child: ChildProcess, label: string, eventStream: 'stdout' | 'stderr' | 'none') {
    this.child = child;
    this.label = label;
    this.#eventStream = eventStream;
    this.#log = new EventLog(() => `${label}\n--- stdout\n${this.#stdout}\n--- stderr\n${this.#stderr}`);
    running.add(this);
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#stderr += `cannot start: ${error.message}\n`;
        this.#finish();
        resolve({ code: null, signal: null });
      });
      child.once('close', (code, signal) => {
        this.#finish();
        resolve({ code, signal });
      });
    });
    if (eventStream !== 'stderr') child.stdout?.setEncoding('utf8');
    if (eventStream !== 'none' || child.stdout?.readableEncoding === 'utf8') this.#collectStdout(child);
    child.stderr?.setEncoding('utf8');
    child.stderr?.on('data', (text: string) => {
      this.#stderr = keepTail(this.#stderr + text);
      if (eventStream === 'stderr') this.#log.push(text);
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.label} did not start`);
    return this.child.pid;
  }

  /** The last 256 KiB of each stream as text; stdout is not collected where it carries payload. */
  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Every JSON line so far. */
  get events(): readonly ProcessEvent[] {
    return this.#log.events;
  }

  /** The first event of this name, past or future, that the predicate takes. Fails when the process ends before. */
  waitFor(name: string, predicate?: (event: ProcessEvent) => boolean, options?: WaitOptions): Promise<ProcessEvent> {
    return this.#log.waitFor(name, predicate, options);
  }

  /** Largest resident memory since the start or the last `resetPeakMemory`, in bytes (VmHWM). */
  peakMemoryBytes(): number {
    return peakMemoryBytes(this.pid);
  }

  residentBytes(): number {
    return residentBytes(this.pid);
  }

  /** User and system time so far, in seconds. */
  cpuSeconds(): number {
    return cpuSeconds(this.pid);
  }

  get hasExited(): boolean {
    return !running.has(this);
  }

  /** Sends the signal to this process alone. */
  signal(signal: NodeJS.Signals): void {
    if (!this.hasExited) this.child.kill(signal);
  }

  /** Asks the process to end; after `deadlineMs` its whole group is killed. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', deadlineMs = 15_000): Promise<ProcessExit> {
    this.signal(signal);
    const timer = setTimeout(() => this.killNow(), deadlineMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Kills the process and what it started. */
  async kill(): Promise<ProcessExit> {
    this.killNow();
    return await this.exited;
  }

  /** Like `kill`, without waiting: for exit handlers. */
  killNow(): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch (error) {
      // The group is gone already.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #collectStdout(child: ChildProcess): void {
    if (this.#eventStream === 'stderr') return;
    child.stdout?.on('data', (text: string) => {
      this.#stdout = keepTail(this.#stdout + text);
      if (this.#eventStream === 'stdout') this.#log.push(text);
    });
  }

  #finish(): void {
    running.delete(this);
    this.#log.end();
  }
}

/** Starts a Node program as it is installed: `process.execPath file ...args`, in its own process group. */
export function startProcess(file: string, args: readonly string[] = [], options: ProcessOptions = {}): TestProcess {
  const command = options.command ?? process.execPath;
  const child = spawn(command, [...(options.execArgv ?? []), file, ...args], {
    cwd: options.cwd,
    env: mergeEnvironment(options.env),
    stdio: 'pipe',
    detached: true,
    ...options.user,
  });
  child.stdin?.on('error', (error: NodeJS.ErrnoException) => {
    // A program that ended before it read its input is reported by its exit, not by the pipe.
    if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error;
  });
  return new TestProcess(child, options.label ?? [command, file, ...args].join(' '), options.events ?? 'stdout');
}

/** Runs a program to its end and returns its exit and output. */
export async function runProcess(
  file: string,
  args: readonly string[] = [],
  options: ProcessOptions & { readonly input?: string | Uint8Array; readonly deadlineMs?: number } = {},
): Promise<ProcessExit & { readonly stdout: string; readonly stderr: string }> {
  const child = startProcess(file, args, { events: 'none', ...options });
  const timer = setTimeout(() => child.killNow(), options.deadlineMs ?? 60_000);
  child.child.stdin?.end(options.input ?? '');
  const exit = await child.exited;
  clearTimeout(timer);
  return { ...exit, stdout: child.stdout, stderr: child.stderr };
}

/** Kills every process started here that still runs: for `afterEach` and `afterAll`. */
export async function stopAllProcesses(): Promise<void> {
  await Promise.all([...running].map((child) => child.kill()));
}

function mergeEnvironment(changes: ProcessOptions['env'] = {}): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, ...changes };
  // The runner's own markers would change how children behave.
  for (const name of ['NODE_OPTIONS', 'VITEST', 'VITEST_POOL_ID', 'VITEST_WORKER_ID', 'NODE_ENV']) {
    if (!(name in changes)) delete environment[name];
  }
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) delete environment[name];
  }
  return environment;
}

function keepTail(text: string): string {
  return text.length > 262_144 ? text.slice(-262_144) : text;
}
