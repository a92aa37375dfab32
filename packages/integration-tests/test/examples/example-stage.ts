import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess, stopAllProcesses, type TestProcess } from '@sealane/testkit';
import { expect } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../../..');

/** A relay, an empty working directory, and the commands of an example's README. */
export class ExampleStage implements AsyncDisposable {
  readonly #directory: string;
  readonly #readme: string;
  #relayUrl = '';

  private constructor(directory: string, readme: string) {
    this.#directory = directory;
    this.#readme = readme;
  }

  /** Where the commands run. */
  get directory(): string {
    return this.#directory;
  }

  static async open(example: string): Promise<ExampleStage> {
    const readme = await readFile(join(root, 'examples', example, 'README.md'), 'utf8');
    const stage = new ExampleStage(await mkdtemp(join(tmpdir(), 'sealane-example-')), readme);
    const relay = startProcess(join(root, 'apps/relay/dist/main.js'), [
      ...['--listen', '127.0.0.1:0', '--data-dir', join(stage.#directory, 'relay'), '--json'],
    ]);
    stage.#relayUrl = String((await relay.waitFor('listening'))['url']);
    return stage;
  }

  /** Starts the README's command that begins like this, with its own relay and the given words in place of others. */
  run(start: string, replacements: Readonly<Record<string, string>> = {}): TestProcess {
    const line = this.#readme.split('\n').find((candidate) => candidate.startsWith(`node examples/${start}`));
    if (line === undefined) throw new Error(`the README does not show: ${start}`);
    const known: Readonly<Record<string, string>> = { 'ws://127.0.0.1:9000': this.#relayUrl, ...replacements };
    const [file, ...args] = words(line).slice(1);
    return startProcess(
      join(root, file!),
      args.map((word) => known[word] ?? word),
      { events: 'none', cwd: this.#directory },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAllProcesses();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** The rest of the first output line that starts with the word; fails when the program ended before it. */
export async function printed(program: TestProcess, word: string): Promise<string> {
  const pattern = new RegExp(`^${word} (.*)$`, 'm');
  await expect.poll(() => pattern.test(program.stdout) || program.hasExited, { timeout: 30_000 }).toBe(true);
  const found = pattern.exec(program.stdout)?.[1];
  if (found === undefined) throw new Error(`${program.label} did not print "${word}":\n${program.stderr}`);
  return found;
}

/** Waits for the program's end and gives its output; fails unless it ended well. */
export async function output(program: TestProcess): Promise<string> {
  const { code } = await program.exited;
  expect(code, `${program.label}\n${program.stdout}\n${program.stderr}`).toBe(0);
  return program.stdout;
}

/** Words of a command line with plain single quotes. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}
