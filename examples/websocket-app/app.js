// A WebSocket application with no port of its own: it counts votes and tells everybody the score.
//   node app.js [RELAY-URL]
import { createServer } from 'node:http';
import { allowAny, connect } from '@sealane/client';
import { toDuplex } from '@sealane/client/node';
import { WebSocketServer } from 'ws';

const votes = { tea: 0, coffee: 0 };
const server = createServer((_request, response) => response.end(`${JSON.stringify(votes)}\n`));
const sockets = new WebSocketServer({ server, maxPayload: 1_024 });
sockets.on('connection', (socket) => {
  socket.send(JSON.stringify(votes));
  socket.on('error', () => socket.terminate());
  socket.on('message', (data) => {
    const choice = data.toString();
    if (choice !== 'tea' && choice !== 'coffee') return socket.close(1008, 'vote for tea or coffee');
    votes[choice] += 1;
    for (const other of sockets.clients) other.send(JSON.stringify(votes));
  });
});

const client = await connect(process.argv[2] ?? 'ws://127.0.0.1:9000', { use: 'listen' });
// Everybody who has the address may vote: that is said here, it is never a default.
const listener = await client.listen({ service: 'votes', accept: allowAny() });
console.log(`address ${listener.address}`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => client.close());

for await (const connection of listener) void serve(connection);

/** @param {import('@sealane/client').SecureConnection} connection */
async function serve(connection) {
  try {
    for await (const stream of connection) server.emit('connection', toDuplex(stream));
  } catch (error) {
    console.error(`a session ended: ${error instanceof Error ? error.message : error}`);
  }
}
