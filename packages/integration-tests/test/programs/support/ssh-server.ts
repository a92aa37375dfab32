import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { requireProgram, type SkippableTest } from '@sealane/testkit';
import { type PortServer, startOnFreePort } from './free-port.js';
import { outputOf } from './run-program.js';

/** What the service manager makes before it starts sshd as root. */
const separationDirectory = '/run/sshd';

/** An sshd of this test alone, with throw-away keys, that lets the current user in. */
export class SshServer implements AsyncDisposable {
  readonly port: number;
  readonly user: string = userInfo().username;
  readonly #server: PortServer;
  readonly #directory: string;
  readonly #cleanUp: () => Promise<void>;

  private constructor(server: PortServer, directory: string, cleanUp: () => Promise<void>) {
    this.port = server.port;
    this.#server = server;
    this.#directory = directory;
    this.#cleanUp = cleanUp;
  }

  /** Skips the test where ssh or sshd is not installed. */
  static async start(test: SkippableTest, directory: string): Promise<SshServer> {
    requireProgram(test, 'ssh');
    const sshd = requireProgram(test, 'sshd');
    const keygen = requireProgram(test, 'ssh-keygen');
    const home = join(directory, 'ssh');
    await mkdir(home, { mode: 0o700 });
    for (const key of ['host', 'user']) {
      await outputOf(keygen, ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, key)]);
    }
    const isOurs = process.getuid?.() === 0 && !existsSync(separationDirectory);
    if (isOurs) await mkdir(separationDirectory, { mode: 0o755 });
    await writeFile(
      join(home, 'config'),
      [
        `HostKey ${home}/host`,
        `AuthorizedKeysFile ${home}/user.pub`,
        `PidFile ${home}/pid`,
        ...['StrictModes no', 'UsePAM no', 'PrintMotd no', 'PrintLastLog no', 'MaxStartups 200', 'MaxSessions 100'],
        'Subsystem sftp internal-sftp',
        // The user's own start-up files would have a say in every output.
        `SetEnv HOME=${home}`,
      ].join('\n'),
    );
    const server = await startOnFreePort(
      sshd,
      (port) => ['-D', '-e', '-o', `ListenAddress=127.0.0.1:${port}`, '-f', join(home, 'config')],
      { ready: /listening on/ },
    );
    return new SshServer(server, home, async () => {
      if (isOurs) await rm(separationDirectory, { recursive: true, force: true });
    });
  }

  /** Options for ssh, scp and sftp alike: no files of the user, no questions, and one host key for every port. */
  get clientOptions(): string[] {
    return [
      ...['-F', '/dev/null', '-i', join(this.#directory, 'user')],
      ...this.settings({
        BatchMode: 'yes',
        IdentitiesOnly: 'yes',
        StrictHostKeyChecking: 'accept-new',
        HostKeyAlias: 'sealane-test',
        UserKnownHostsFile: join(this.#directory, 'known'),
        LogLevel: 'ERROR',
      }),
    ];
  }

  settings(values: Readonly<Record<string, string | number>>): string[] {
    return Object.entries(values).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  /** The arguments of `ssh` up to the remote command. */
  login(port: number, ...extra: readonly string[]): string[] {
    return [...this.clientOptions, '-p', String(port), ...extra, `${this.user}@127.0.0.1`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.process.kill();
    await this.#cleanUp();
  }
}
