import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, untilCarrying } from '../stage.mjs';
import { findProgram, versionOf } from './programs.mjs';

export const name = 'spiped';
export const description =
  'spiped, a plain forwarder in Node, spiped: AES-256-CTR with HMAC-SHA256 from end to end, in C';

const connections = 500;

/** spiped knows two ends and no relay: what stands between them is the middle of the floor. */
export async function start(stage, backendPort) {
  const spiped = findProgram('spiped');
  const key = join(stage.directory('spiped'), 'key');
  writeFileSync(key, randomBytes(32), { mode: 0o600 });
  const [ownerPort, port] = [await freePort(), await freePort()];
  const run = (side, from, to) =>
    stage.command(spiped, [
      ...[side, '-F', '-k', key, '-n', String(connections)],
      ...['-s', `[127.0.0.1]:${from}`, '-t', `[127.0.0.1]:${to}`],
    ]);
  const owner = run('-d', ownerPort, backendPort);
  const middle = await stage.helper('forwarder.mjs', [ownerPort]);
  const dialer = run('-e', port, middle.port);
  await untilCarrying(port, [owner, dialer]);
  return {
    port,
    processes: [
      { name: 'dialer side', pids: [dialer.pid] },
      { name: 'middle', pids: [middle.pid] },
      { name: 'owner side', pids: [owner.pid] },
    ],
    version: versionOf(spiped, ['-v'], /spiped [\d.]+/),
  };
}
