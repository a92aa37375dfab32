// Owners of idle sessions: `node session-owners.mjs RELAY_URL COUNT`. A relay takes 1,024 sessions of one identity.
import { allowAny, connect } from '../../packages/client/dist/index.js';
import { answer, ready } from './answer.mjs';

const [url, count] = process.argv.slice(2);
const addresses = [];
for (let index = 0; index < Number(count); index++) {
  const client = await connect(url, { use: 'listen' });
  const listener = await client.listen({ accept: allowAny() });
  addresses.push(listener.address);
  void (async () => {
    for await (const connection of listener) void connection;
  })();
}
answer({});
ready({ addresses });
