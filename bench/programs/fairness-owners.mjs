// Owners of the fairness measurement, several in one process: `fairness-owners.mjs RELAY COUNT`. What is done with a stream
// stands in its label: `echo`, `sink`, or `stall`, which is never read.
import { allowAny, RelayClient } from '../../packages/client/dist/index.js';
import { spaceOutCollections } from '../../packages/mux/dist/node/index.js';

const [relayUrl, count] = process.argv.slice(2);
spaceOutCollections();
process.once('disconnect', () => process.exit(0));

const addresses = [];
for (let index = 0; index < Number(count); index++) {
  const client = await RelayClient.connect(relayUrl, { use: 'listen' });
  const listener = await client.listen({ accept: allowAny() });
  addresses.push(listener.address);
  void serve(listener);
}
process.send({ addresses });

async function serve(listener) {
  for await (const connection of listener) void serveStreams(connection);
}

async function serveStreams(connection) {
  try {
    for await (const { label, raw } of connection) {
      raw.attach({
        onData(bytes, fin) {
          if (label === 'echo' && bytes.length > 0) raw.write(bytes);
          if (label !== 'stall') raw.consume(bytes.length);
          if (fin) raw.end();
        },
        onReset() {},
      });
    }
  } catch {
    // The dialer went.
  }
}
