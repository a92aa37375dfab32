import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { untilCarrying } from '../stage.mjs';

const ownRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const freshClients = 4;

export const name = 'sealane';
export const description = '`sealane connect`, `sealane-relay`, `sealane expose`: end-to-end encrypted, resumption on';

/**
 * Relay, owner and dialer as they are installed. `options` are for expose and connect, `root` is another working tree that
 * is built, `withSessions` adds a dialer that makes a new session for every connection.
 */
export async function start(stage, backendPort, { options = [], root = ownRoot, withSessions = false } = {}) {
  const relay = await startRelay(stage, root);
  const owner = await startOwner(stage, backendPort, relay.event.url, { options, root });
  const dialer = await startDialer(stage, owner.event.address, { options, root });
  const middle = [
    { name: 'middle', pids: [relay.pid] },
    { name: 'owner side', pids: [owner.pid] },
  ];
  const path = {
    port: Number(dialer.event.address.split(':').at(-1)),
    processes: [{ name: 'dialer side', pids: [dialer.pid] }, ...middle],
    url: relay.event.url,
    version: versionIn(root),
  };
  await untilCarrying(path.port, [dialer.child]);
  if (!withSessions) return path;
  const fresh = await stage.helper('fresh-dialer.mjs', [owner.event.address, freshClients]);
  await untilCarrying(fresh.port, [fresh.child]);
  return {
    ...path,
    sessions: { port: fresh.port, processes: [{ name: 'dialer side', pids: [fresh.pid] }, ...middle] },
  };
}

export function startRelay(stage, root = ownRoot, home = stage.directory('relay')) {
  const file = join(root, 'apps/relay/dist/main.js');
  const args = [file, '--listen', '127.0.0.1:0', '--data-dir', join(home, 'data'), '--json'];
  return stage.program(args, { eventName: 'listening', home });
}

export function startOwner(stage, backendPort, url, { options = [], root = ownRoot, home = stage.directory('owner') }) {
  const args = ['expose', `127.0.0.1:${backendPort}`, '--relay', url, '--allow-any', '--json', ...options];
  return stage.program([join(root, 'apps/cli/dist/main.js'), ...args], { eventName: 'ready', home });
}

export function startDialer(stage, address, { options = [], root = ownRoot, home = stage.directory('dialer') }) {
  const args = ['connect', address, '--listen', '127.0.0.1:0', '--json', ...options];
  return stage.program([join(root, 'apps/cli/dist/main.js'), ...args], { eventName: 'listening', home });
}

function versionIn(root) {
  const { version } = JSON.parse(readFileSync(join(root, 'apps/cli/package.json'), 'utf8'));
  return `${version}, Node ${process.versions.node}`;
}
