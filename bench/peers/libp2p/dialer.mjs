// `node dialer.mjs OWNER_ADDRESS`
import net from 'node:net';
import { multiaddr } from '@multiformats/multiaddr';
import { createNode, maxStreams, protocol, pump, ready } from './node.mjs';

const address = multiaddr(process.argv[2]);
const node = await createNode({ listen: [] });
let connection = await node.dial(address);
let dialling;

/** A connection that ended is made anew, once for all that wait. */
async function openConnection() {
  if (connection.status === 'open') return connection;
  dialling ??= node.dial(address).finally(() => {
    dialling = undefined;
  });
  connection = await dialling;
  return connection;
}

const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };

const server = net.createServer(options, async (socket) => {
  socket.on('error', () => {});
  try {
    const streamOptions = { maxOutboundStreams: maxStreams, runOnLimitedConnection: true };
    pump(await (await openConnection()).newStream(protocol, streamOptions), socket);
    socket.resume();
  } catch (error) {
    console.error(`libp2p: ${error.message}`);
    socket.resetAndDestroy();
  }
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => ready({ port: server.address().port }));
