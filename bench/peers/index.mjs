import * as floor from './floor.mjs';
import * as libp2p from './libp2p.mjs';
import { MissingPeerError } from './programs.mjs';
import * as sealane from './sealane.mjs';
import * as spiped from './spiped.mjs';
import * as ssh from './ssh.mjs';
import * as stunnel from './stunnel.mjs';

export const peers = [floor, sealane, stunnel, ssh, spiped, libp2p];

/** Starts these peers in front of the backend. One that cannot take part is listed with the reason, never left out. */
export async function startPeers(stage, backendPort, names) {
  const paths = {};
  const list = [];
  for (const { name, description, start } of peers.filter((peer) => names.includes(peer.name))) {
    try {
      paths[name] = await start(stage, backendPort, { withSessions: true });
      list.push({ name, description, version: paths[name].version });
    } catch (error) {
      if ([floor.name, sealane.name].includes(name)) throw error;
      const missing = error instanceof MissingPeerError ? error.message : `could not be started: ${error.message}`;
      console.error(`missing: ${name}: ${missing}`);
      list.push({ name, description, missing });
    }
  }
  return { paths, list };
}
