// Holds clients that have a lease and nothing else, each with an identity and a link of its own: `node leased-clients.mjs RELAY_URL`.
// The parent says `hold` with how many there shall be.
import { allowAny, connect } from '../../packages/client/dist/index.js';
import { answer, ready, runAll } from './answer.mjs';

const url = process.argv[2];
const width = 16;
const listeners = [];
let lost = 0;

answer({
  hold: async ({ count }) => {
    await runAll(count - listeners.length, width, async () => {
      // As the programs do: a relay that is busy with thousands of others is asked again.
      const client = await connect(url, { use: 'listen', retry: true });
      const listener = await client.listen({ accept: allowAny() });
      listener.closed.catch(() => {
        lost++;
      });
      listeners.push(listener);
    });
    return { count: listeners.length, lost };
  },
});
ready();
