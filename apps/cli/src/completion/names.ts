import { KnownPeers } from '../peers/known-peers.js';
import { knownPeersPath } from '../peers/peers-commands.js';

/** The pinned names, one per line. They are a-z, 0-9 and hyphens, so that no shell can take them for anything else. */
export async function printNames(): Promise<void> {
  const { pins } = await new KnownPeers(await knownPeersPath(undefined)).state();
  const names = new Set([...pins.values()].map(({ name }) => name));
  process.stdout.write([...names].map((name) => `${name}\n`).join(''));
}
