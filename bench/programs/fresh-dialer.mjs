// A dialer that makes a new session, with its full handshake, for every local connection: `node fresh-dialer.mjs ADDRESS CLIENTS`.
// It is `sealane connect` in everything else; a few identities share the work, since an owner takes 16 sessions of one.
import net from 'node:net';
import { connect } from '../../packages/client/dist/index.js';
import { pipeSocket, pipeSocketOptions } from '../../packages/client/dist/node/index.js';
import { spaceOutCollections } from '../../packages/mux/dist/node/index.js';
import { answer, ready } from './answer.mjs';

const [address, count] = process.argv.slice(2);
spaceOutCollections();
const clients = await Promise.all(Array.from({ length: Number(count) }, () => connect(address)));
// The owner's keycert is known from here on, as it is to everybody who was here before.
await Promise.all(clients.map(async (client) => (await client.dial(address, { fresh: true })).close()));
let turn = 0;

const server = net.createServer({ ...pipeSocketOptions, noDelay: true, pauseOnConnect: true }, async (socket) => {
  socket.on('error', () => {});
  try {
    const connection = await clients[turn++ % clients.length].dial(address, { fresh: true });
    const stream = await connection.openStream();
    pipeSocket(stream, socket, { onEnd: () => void connection.close() });
    socket.resume();
  } catch (error) {
    console.error(`new session: ${error.code ?? error}`);
    socket.resetAndDestroy();
  }
});
answer({});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => ready({ port: server.address().port }));
