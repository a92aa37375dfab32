// An ordinary HTTP server that listens on no port. Requests arrive over a relay, and the server knows by key who asks.
//   node server.js [RELAY-URL] [--allow ID]...
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { allowIds, connect } from '@sealane/client';
import { toDuplex } from '@sealane/client/node';
import { loadOrCreateKeyFile } from '@sealane/crypto/key-file';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { allow: { type: 'string', multiple: true }, key: { type: 'string', default: 'http-server.key' } },
});

/** Who is at the other end of a socket: proven by the handshake, not claimed in a header. @type {WeakMap<object, string>} */
const peers = new WeakMap();

const server = createServer((request, response) => {
  const peer = peers.get(request.socket) ?? 'nobody';
  response.setHeader('content-type', 'text/plain');
  if (request.method === 'POST') request.pipe(response);
  else response.end(`Hello ${peer}, you asked for ${request.url}\n`);
});

const client = await connect(positionals[0] ?? 'ws://127.0.0.1:9000', {
  use: 'listen',
  credential: await loadOrCreateKeyFile(values.key),
});
const listener = await client.listen({ service: 'web', accept: allowIds(values.allow ?? []) });
console.log(`address ${listener.address}`);

process.once('SIGINT', () => client.close());
process.once('SIGTERM', () => client.close());

for await (const connection of listener) void serve(connection);

/** @param {import('@sealane/client').SecureConnection} connection */
async function serve(connection) {
  try {
    for await (const stream of connection) {
      const socket = toDuplex(stream);
      peers.set(socket, connection.peerId);
      server.emit('connection', socket);
    }
  } catch (error) {
    console.error(`a session ended: ${error instanceof Error ? error.message : error}`);
  }
}
