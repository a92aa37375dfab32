// One process of a rung of the ladder: `node ladder-hop.mjs RUNG ROLE NEXT [RELAY [ADDRESS]]`. NEXT is the port of the next hop,
// for an owner that of the backend. The rungs with packages take the URL of a relay, and a dialer an address.
import net from 'node:net';
import { loadCrypto } from '../../packages/crypto/dist/index.js';
import { spaceOutCollections } from '../../packages/mux/dist/node/index.js';
import { answer, ready } from './answer.mjs';

const [rung, role, next, relayUrl, address] = process.argv.slice(2);
const tcp = { allowHalfOpen: true, noDelay: true };

function connectNext(options = tcp) {
  return net.connect({ port: Number(next), host: '127.0.0.1', ...options });
}

async function serve(onSocket, options = tcp) {
  const server = net.createServer(options, onSocket);
  await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve));
  return { port: server.address().port };
}

/** A link for every connection: frames, or records, or both. */
async function hops({ hasFrames, hasRecords }) {
  const { join, plain, sealed, webSocket } = await import('../ladder/wires.mjs');
  const outwards = (socket) => (hasFrames ? webSocket(socket, 'client') : plain(socket));
  const inwards = (socket) => (hasFrames ? webSocket(socket, 'server') : plain(socket));
  const sealing = (wire) => (hasRecords ? sealed(wire, role) : wire);
  const ends = {
    dialer: (socket) => [plain(socket), sealing(outwards(connectNext()))],
    relay: (socket) => [inwards(socket), inwards(connectNext())],
    owner: (socket) => [sealing(outwards(socket)), plain(connectNext())],
  };
  return serve((socket) => join(...ends[role](socket)));
}

/** One link for all connections, with the muxes and the credit of both layers. */
async function muxes() {
  const { webSocket } = await import('../ladder/wires.mjs');
  const { createSession, joinLinks } = await import('../ladder/muxes.mjs');
  const { pipeSocket, pipeSocketOptions } = await import('../../packages/client/dist/node/index.js');
  const local = { ...pipeSocketOptions, noDelay: true };
  if (role === 'relay') {
    return serve((socket) => joinLinks(webSocket(socket, 'server'), webSocket(connectNext(), 'server')));
  }
  if (role === 'owner') {
    return serve((link) => {
      createSession(webSocket(link, 'client'), role, (stream) => pipeSocket(stream, connectNext(local)));
    });
  }
  const { openPort } = createSession(webSocket(connectNext(), 'client'), role);
  return serve((socket) => pipeSocket(openPort(), socket), local);
}

/** Relay, owner and dialer of the packages, without the programs around them. */
async function packages(resumption) {
  const { allowAny, RelayClient } = await import('../../packages/client/dist/index.js');
  const { pipeSocket, pipeSocketOptions } = await import('../../packages/client/dist/node/index.js');
  const local = { ...pipeSocketOptions, noDelay: true };
  if (role === 'relay') {
    const { Credential, SigningKey } = await import('../../packages/crypto/dist/credential/index.js');
    const { RelayServer } = await import('../../packages/server/dist/index.js');
    const relay = await RelayServer.create({ identity: await Credential.create(), nodeKey: SigningKey.create() });
    return relay.listen({ host: '127.0.0.1', port: 0 });
  }
  const client = await RelayClient.connect(relayUrl, { use: role === 'owner' ? 'listen' : 'dial', resumption });
  if (role === 'dialer') {
    const onSocket = async (socket) => {
      pipeSocket(await client.openStream(address), socket);
      socket.resume();
    };
    return serve(onSocket, { ...local, pauseOnConnect: true });
  }
  const listener = await client.listen({ accept: allowAny() });
  void (async () => {
    for await (const connection of listener) {
      void (async () => {
        for await (const stream of connection) {
          pipeSocket(stream, connectNext(local));
        }
      })();
    }
  })();
  return { address: listener.address };
}

const rungs = {
  records: () => hops({ hasFrames: false, hasRecords: true }),
  frames: () => hops({ hasFrames: true, hasRecords: false }),
  both: () => hops({ hasFrames: true, hasRecords: true }),
  muxes,
  session: () => packages({ giveUpMs: 0 }),
  packages: () => packages({}),
};

spaceOutCollections();
await loadCrypto();
answer({});
ready(await rungs[rung]());
