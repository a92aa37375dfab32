import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { requireProgram, type SkippableTest } from '@sealane/testkit';
import { type PortServer, startOnFreePort } from './free-port.js';
import { outputOf } from './run-program.js';

/** The database superuser of the cluster; it has no password and only this machine may connect. */
export const postgresUser = 'sealane';

/** A cluster of this test alone, in a directory below `directory`. PostgreSQL refuses to run as root, so nobody runs it there. */
export async function startPostgres(test: SkippableTest, directory: string): Promise<PortServer> {
  const initdb = requireProgram(test, 'initdb');
  // The server must be of the version that made the cluster.
  const postgres = requireProgram(test, 'postgres');
  const home = join(directory, 'postgres');
  const data = join(home, 'data');
  await mkdir(home);
  const user = process.getuid?.() === 0 ? nobody() : undefined;
  if (user !== undefined) {
    await chown(home, user.uid, user.gid);
    // Whoever runs it must be able to pass through.
    await chmod(dirname(home), 0o755);
  }
  const options = { cwd: home, user };
  await outputOf(
    initdb,
    ['-D', data, '-U', postgresUser, '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    options,
  );
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: home,
    fsync: 'off',
    shared_buffers: '32MB',
  };
  return await startOnFreePort(
    postgres,
    (port) => [
      ...['-D', data, '-p', String(port), '-c', 'max_connections=100'],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { ready: /ready to accept connections/, ...options },
  );
}

function nobody(): { uid: number; gid: number } {
  const id = (what: '-u' | '-g'): number => Number(execFileSync('id', [what, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
