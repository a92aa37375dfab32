import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { requireProgram, startProcess, type TestProcess } from '@sealane/testkit';
import { expect, vi } from 'vitest';
import { sealaneFile, type TestUser } from './programs.js';
import { VirtualTerminal } from './virtual-terminal.js';

type SkippableTest = Parameters<typeof requireProgram>[0];

// biome-ignore lint/suspicious/noControlCharactersInRegex: a redraw begins with the way back
const redrawStart = /(?=\r\u001b\[\d+A)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are written with them
const notText = /\u001b\[\d*[A-Za-z]|\r/g;

let started = 0;

/** `sealane` at a terminal of its own, as a person sees it. */
export class PtyProgram implements AsyncDisposable {
  readonly terminal: VirtualTerminal;
  readonly process: TestProcess;
  /** Everything that was written to the terminal. */
  output = '';
  readonly #device: Promise<string>;
  readonly #pid: Promise<number>;
  /** Written, and not shown yet. */
  #held = '';
  #resizing: { readonly columns: number; readonly rows: number } | undefined;

  private constructor(terminal: VirtualTerminal, process: TestProcess, factsFile: string) {
    this.terminal = terminal;
    this.process = process;
    process.child.stdout?.on('data', (text: string) => {
      this.output += text;
      this.#held += text;
      this.#showHeld();
    });
    const facts = vi.waitFor(
      async () => {
        const [device, pid] = (await readFile(factsFile, 'utf8')).split('\n');
        if (device === undefined || pid === undefined || pid === '') throw new Error('not started yet');
        return { device, pid: Number(pid) };
      },
      { timeout: 20_000 },
    );
    this.#device = facts.then(({ device }) => device);
    this.#pid = facts.then(({ pid }) => pid);
  }

  /** With `inShell` a shell with job control is around it, which says `in the shell` when it gets the terminal back. */
  static start(
    test: SkippableTest,
    user: TestUser,
    args: readonly string[],
    options: { columns: number; rows: number; env?: Record<string, string | undefined>; inShell?: boolean },
  ): PtyProgram {
    const script = requireProgram(test, 'script');
    const { columns, rows, inShell = false } = options;
    started += 1;
    const factsFile = user.file(`pty-${started}`);
    const program = [process.execPath, sealaneFile, ...args].map((word) => `'${word}'`).join(' ');
    const prepare = `stty cols ${columns} rows ${rows}; { tty; echo $$; } > ${factsFile}`;
    const run = inShell ? `set -m; ${program}; echo in the shell; read line; fg; echo the end` : `exec ${program}`;
    const bash = requireProgram(test, 'bash');
    const child = startProcess('-qfec', [`exec ${bash} --norc -c "${prepare}; ${run}"`, '/dev/null'], {
      command: script,
      events: 'none',
      env: { ...user.env, TERM: 'xterm-256color', SHELL: bash, ...options.env },
      label: `sealane ${args[0]} at a terminal`,
    });
    return new PtyProgram(new VirtualTerminal(columns, rows), child, factsFile);
  }

  /** The process of `sealane`, or of the shell around it. */
  get pid(): Promise<number> {
    return this.#pid;
  }

  /** Waits until what is to be seen fulfils the expectations. */
  async see(check: (screen: readonly string[]) => void): Promise<void> {
    await vi.waitFor(() => check(this.terminal.screen), { timeout: 20_000, interval: 10 });
  }

  type(text: string): void {
    this.process.child.stdin?.write(text);
  }

  /** What the program drew before it heard of the new size is shown at the old one. */
  async resize(columns: number, rows: number): Promise<void> {
    const device = await this.#device;
    this.#resizing = { columns, rows };
    const { status } = spawnSync('stty', ['-F', device, 'cols', String(columns), 'rows', String(rows)]);
    expect(status).toBe(0);
  }

  #showHeld(): void {
    if (this.#resizing !== undefined) {
      // Whole redraws only: each ends by erasing what is below it.
      if (!this.#held.endsWith('\u001b[J')) return;
      for (const redraw of this.#held.split(redrawStart)) {
        const { columns, rows } = this.#resizing ?? this.terminal;
        // Its first line has exactly the width of the view.
        const isNew = redraw
          .split('\r\n')
          .map((line) => line.replace(notText, ''))
          .some((line) => / up \d+:\d\d$/.test(line) && line.length === columns - 1);
        if (isNew) this.terminal.resize(columns, rows);
        if (isNew) this.#resizing = undefined;
        this.terminal.write(redraw);
      }
    } else this.terminal.write(this.#held);
    this.#held = '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
  }
}
