import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { untilCarrying } from '../stage.mjs';
import { MissingPeerError, outputOf } from './programs.mjs';

export const name = 'libp2p';
export const description = 'js-libp2p over circuit relay v2 (TCP, Noise, Yamux): end-to-end encrypted, in JavaScript';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, 'libp2p');
const cache = join(dirname(dirname(here)), 'node_modules/.cache/sealane-bench/libp2p');
const installMs = 180_000;

/** js-libp2p is no dependency of the project: it is installed for the benchmark, beside it, when it is first wanted. */
export async function start(stage, backendPort) {
  await install();
  const run = (file, ...args) => stage.helper(file, args, { file: join(cache, file) });
  const relay = await run('relay.mjs');
  const owner = await run('owner.mjs', relay.address, backendPort);
  const dialer = await run('dialer.mjs', owner.address);
  await untilCarrying(dialer.port);
  return {
    port: dialer.port,
    processes: [
      { name: 'dialer side', pids: [dialer.pid] },
      { name: 'middle', pids: [relay.pid] },
      { name: 'owner side', pids: [owner.pid] },
    ],
    version: `libp2p ${readVersion('libp2p')}, circuit-relay-v2 ${readVersion('@libp2p/circuit-relay-v2')}`,
  };
}

async function install() {
  mkdirSync(cache, { recursive: true });
  cpSync(source, cache, { recursive: true });
  const lockfile = readFileSync(join(source, 'pnpm-lock.yaml'), 'utf8');
  const installed = join(cache, 'node_modules/.installed');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lockfile) return;
  console.log('installing js-libp2p for the benchmark ...');
  try {
    await outputOf('npx', ['-y', 'pnpm@12', 'install', '--frozen-lockfile'], { cwd: cache, timeout: installMs });
  } catch (error) {
    throw new MissingPeerError(`js-libp2p could not be installed: ${error.message.split('\n')[0]}`);
  }
  writeFileSync(installed, lockfile);
}

function readVersion(dependency) {
  return JSON.parse(readFileSync(join(cache, 'node_modules', dependency, 'package.json'), 'utf8')).version;
}
