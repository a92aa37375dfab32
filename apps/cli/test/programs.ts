import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess, startProcess, type TestProcess } from '@sealane/testkit';

/** The programs as they are installed: the tests run after a build. */
export const sealaneFile: string = fileURLToPath(new URL('../dist/main.js', import.meta.url));
export const relayFile: string = fileURLToPath(new URL('../../relay/dist/main.js', import.meta.url));

/** A user of their own: an empty configuration directory, removed with `dispose`. */
export class TestUser {
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;

  constructor(directory: string) {
    this.directory = directory;
    this.env = { XDG_CONFIG_HOME: join(directory, 'config'), SEALANE_RELAY: undefined, NO_COLOR: undefined };
  }

  static async create(): Promise<TestUser> {
    return new TestUser(await mkdtemp(join(tmpdir(), 'sealane-cli-')));
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  run(args: readonly string[], options: Parameters<typeof runProcess>[2] = {}): ReturnType<typeof runProcess> {
    return runProcess(sealaneFile, args, { ...options, env: { ...this.env, ...options.env } });
  }

  start(args: readonly string[], options: Parameters<typeof startProcess>[2] = {}): TestProcess {
    return startProcess(sealaneFile, args, {
      label: `sealane ${args[0]}`,
      ...options,
      env: { ...this.env, ...options.env },
    });
  }

  /** Where this user's default identity is. */
  identityFile(): string {
    return join(this.directory, 'config', 'sealane', 'identity.json');
  }

  /** The id of this user's default identity. */
  async id(): Promise<string> {
    return (await this.run(['id', 'show'])).stdout.trim();
  }

  async dispose(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}
