import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { descendants } from '../process-table.mjs';
import { freePort, untilCarrying } from '../stage.mjs';
import { findProgram, outputOf, versionOf } from './programs.mjs';

export const name = 'ssh';
export const description =
  '`ssh -L`, sshd, `ssh -R` with chacha20-poly1305: encrypted per hop, sshd sees the plaintext';

const cipher = 'chacha20-poly1305@openssh.com';
/** What the service manager makes before it starts sshd as root. */
const separationDirectory = '/run/sshd';

export async function start(stage, backendPort) {
  const [ssh, sshd, keygen] = ['ssh', 'sshd', 'ssh-keygen'].map((program) => findProgram(program));
  const directory = stage.directory('ssh');
  for (const key of ['host', 'user']) {
    await outputOf(keygen, ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, key)]);
  }
  if (process.getuid() === 0 && !existsSync(separationDirectory)) {
    mkdirSync(separationDirectory, { mode: 0o755 });
    process.once('exit', () => rmSync(separationDirectory, { recursive: true, force: true }));
  }
  const [serverPort, middlePort, port] = [await freePort(), await freePort(), await freePort()];
  const server = stage.command(sshd, ['-D', '-e', '-f', writeServerConfig(directory, serverPort)]);
  await untilSaid(server, /listening on/i);

  const client = (...forwarding) =>
    stage.command(ssh, [
      ...['-N', '-F', '/dev/null', '-i', join(directory, 'user'), '-c', cipher, '-p', String(serverPort)],
      ...settings({
        BatchMode: 'yes',
        IdentitiesOnly: 'yes',
        StrictHostKeyChecking: 'accept-new',
        UserKnownHostsFile: join(directory, 'known'),
        ExitOnForwardFailure: 'yes',
        LogLevel: 'ERROR',
      }),
      ...forwarding,
      `${userInfo().username}@127.0.0.1`,
    ]);
  const owner = client('-R', `127.0.0.1:${middlePort}:127.0.0.1:${backendPort}`);
  await untilCarrying(middlePort, [server, owner]);
  const dialer = client('-L', `127.0.0.1:${port}:127.0.0.1:${middlePort}`);
  await untilCarrying(port, [server, owner, dialer]);
  return {
    port,
    processes: [
      { name: 'dialer side', pids: [dialer.pid] },
      { name: 'middle', pids: [server.pid, ...descendants([server.pid])] },
      { name: 'owner side', pids: [owner.pid] },
    ],
    version: versionOf(ssh, ['-V'], /OpenSSH_[\w.]+/),
  };
}

function writeServerConfig(directory, port) {
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${directory}/host`,
    `AuthorizedKeysFile ${directory}/user.pub`,
    `Ciphers ${cipher}`,
    ...['PidFile none', 'StrictModes no', 'UsePAM no', 'Compression no', 'AllowTcpForwarding yes', 'LogLevel INFO'],
    '',
  ];
  const file = join(directory, 'sshd.conf');
  writeFileSync(file, lines.join('\n'));
  return file;
}

function settings(values) {
  return Object.entries(values).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

function untilSaid(child, pattern) {
  return new Promise((resolve, reject) => {
    child.stderr.on('data', () => {
      if (pattern.test(child.said)) resolve();
    });
    child.once('exit', () => reject(new Error(`ended at once: ${child.said.trim()}`)));
  });
}
