import { type ChildProcess, spawn } from 'node:child_process';
import { SealaneError } from '@sealane/types';

export type JsonEvent = Readonly<Record<string, unknown>> & { readonly event?: unknown };

const startLimitMs = 20_000;
const stopLimitMs = 3_000;
const maxLineBytes = 65_536;

/** One process of the demo that reports in JSON lines. It cannot outlive the demo: see end-with-parent. */
export class ChildProgram {
  readonly label: string;
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  /** The last event that was reported. */
  onEvent: (event: JsonEvent) => void = () => {};
  readonly #waiting = new Map<string, (event: JsonEvent) => void>();
  readonly #seen = new Map<string, JsonEvent>();
  #stderr = '';

  constructor(label: string, file: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.label = label;
    const guard = new URL('./end-with-parent.js', import.meta.url).href;
    this.child = spawn(process.execPath, ['--import', guard, file, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.exited = new Promise((resolve) => {
      this.child.once('error', () => resolve());
      this.child.once('exit', () => resolve());
    });
    let line = '';
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (line + text).split('\n');
      line = (lines.pop() ?? '').slice(0, maxLineBytes);
      for (const whole of lines) this.#take(whole);
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4_096);
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The first event of this name, past or future. Rejects when the process ends before, or after 20 s. */
  async waitFor(name: string): Promise<JsonEvent> {
    const seen = this.#seen.get(name);
    if (seen !== undefined) return seen;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([
        new Promise<JsonEvent>((resolve) => this.#waiting.set(name, resolve)),
        this.exited.then(() => Promise.reject(this.failure('ended'))),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(this.failure(`did not report "${name}" in time`)), startLimitMs);
        }),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  failure(what: string): SealaneError {
    const said = this.#stderr.trim().split('\n').at(-1) ?? '';
    return new SealaneError(
      'ERR_SYSTEM',
      `the ${this.label} of the demo ${what}${said === '' ? '' : `, saying "${said}"`}`,
    );
  }

  /** Asks it to end, and ends it after 3 s. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), stopLimitMs);
    await this.exited;
    clearTimeout(timer);
  }

  #take(line: string): void {
    const event = parseEvent(line);
    if (typeof event?.event !== 'string') return;
    if (!this.#seen.has(event.event)) this.#seen.set(event.event, event);
    this.#waiting.get(event.event)?.(event);
    this.#waiting.delete(event.event);
    this.onEvent(event);
  }
}

function parseEvent(line: string): JsonEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as JsonEvent) : undefined;
  } catch {
    return undefined;
  }
}

/** The text of a field, or an error that names the program that did not send it. */
export function textField(program: ChildProgram, event: JsonEvent, field: string): string {
  const value = event[field];
  if (typeof value !== 'string') throw program.failure(`reported no "${field}"`);
  return value;
}
