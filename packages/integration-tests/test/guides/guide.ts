import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess, type TestProcess } from '@sealane/testkit';

export const root: string = join(dirname(fileURLToPath(import.meta.url)), '../../../..');

/**
 * The shell commands of a page, each to be run once: a command that a page shows and no test has run is a failure, and so
 * is one that a test asks for and the page does not show.
 */
export class Guide {
  readonly #page: string;
  readonly #commands: string[];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #directory: string;
  readonly #aliases: string[] = [];

  private constructor(page: string, commands: string[], directory: string) {
    this.#page = page;
    this.#commands = commands;
    this.#directory = directory;
    this.#environment = { XDG_CONFIG_HOME: join(directory, 'config') };
  }

  /** `page` from the repository's top; what it runs finds its files and configuration in `directory`. */
  static async open(page: string, directory: string): Promise<Guide> {
    const text = await readFile(join(root, page), 'utf8');
    const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
    return new Guide(page, blocks.join('').trim().split('\n'), directory);
  }

  /** Commands that no test has taken. */
  get untested(): readonly string[] {
    return this.#commands;
  }

  /** Takes the first command that starts like this, without running it here: `by` says what does. */
  skip(start: string, by: string): void {
    if (by === '') throw new Error('say what runs it');
    this.#take(start);
  }

  /** Defines the page's aliases for the commands that follow. */
  alias(start: string): void {
    this.#aliases.push(this.#take(start).replaceAll('$PWD', root));
  }

  /** Starts the first command that begins like this, in a shell, with some of its words replaced. */
  start(start: string, replacements: Readonly<Record<string, string>> = {}): TestProcess {
    let command = this.#take(start);
    for (const [from, to] of Object.entries(replacements)) {
      if (!command.includes(from)) throw new Error(`"${command}" does not hold ${from}`);
      command = command.replace(from, to);
    }
    const script = ['shopt -s expand_aliases', ...this.#aliases, command].join('\n');
    return startProcess('-c', [script], {
      command: 'bash',
      cwd: this.#directory,
      env: this.#environment,
      events: 'none',
      label: command,
    });
  }

  /** Runs a command to its end and gives what it printed; fails when it does. */
  async run(start: string, replacements: Readonly<Record<string, string>> = {}): Promise<string> {
    const program = this.start(start, replacements);
    program.child.stdin?.end();
    const { code, signal } = await program.exited;
    if (code !== 0) throw new Error(`${program.label}: ${code ?? signal}\n${program.stdout}\n${program.stderr}`);
    return program.stdout;
  }

  #take(start: string): string {
    const index = this.#commands.findIndex((command) => command.startsWith(start));
    if (index === -1) throw new Error(`${this.#page} does not show: ${start}`);
    return this.#commands.splice(index, 1)[0]!;
  }
}

/** What the pattern's first group catches in the program's output, once it is there; fails when the program ends before. */
export async function shown(program: TestProcess, pattern: RegExp): Promise<string> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = pattern.exec(program.stdout) ?? pattern.exec(program.stderr);
    if (found !== null) return found[1] ?? found[0];
    if (program.hasExited || performance.now() > deadline) {
      throw new Error(`${program.label} did not print ${pattern}\n${program.stdout}\n${program.stderr}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
