// Time from the start of a process to its being usable, beside the start of Node itself; round by round.
import { spawnSync } from 'node:child_process';
import * as sealane from './peers/sealane.mjs';
import { Stage } from './stage.mjs';
import { summarize } from './statistics.mjs';

export async function measureStartUp({ rounds }) {
  const stage = new Stage();
  try {
    const backend = await stage.helper('backend.mjs');
    const relay = await sealane.startRelay(stage);
    const owner = await sealane.startOwner(stage, backend.port, relay.event.url, {});
    const [relayHome, ownerHome, dialerHome] = ['relay', 'owner', 'dialer'].map((name) => stage.directory(name));
    const starts = {
      'node, doing nothing': async () => spawnSync(process.execPath, ['-e', '0']),
      'plain forwarder, to listening': () => stage.helper('forwarder.mjs', [backend.port]),
      'sealane-relay, to listening': () => sealane.startRelay(stage, undefined, relayHome),
      'sealane expose, to ready': () => sealane.startOwner(stage, backend.port, relay.event.url, { home: ownerHome }),
      'sealane connect, to listening': () => sealane.startDialer(stage, owner.event.address, { home: dialerHome }),
    };
    const times = Object.fromEntries(Object.keys(starts).map((name) => [name, []]));
    // The first round makes identities and fills caches of files.
    for (let round = -1; round < rounds; round++) {
      for (const [name, start] of Object.entries(starts)) {
        const startMs = performance.now();
        const { child } = await start();
        const tookMs = performance.now() - startMs;
        if (child !== undefined) await ended(child);
        if (round >= 0) times[name].push(tookMs);
      }
    }
    return Object.entries(times).map(([name, values]) => ({ name, ms: summarize(values) }));
  } finally {
    await stage.stop();
  }
}

/** As a user ends it: its lease and its directory are free for the next one. */
function ended(child) {
  child.isExpectedToEnd = true;
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });
}
