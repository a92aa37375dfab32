// Holds clients that have a lease and nothing else, each with an identity and a link of its own: `node leased-clients.mjs RELAY_URL`.
// The parent says `hold` with how many there shall be.
import { setMaxListeners } from 'node:events';
import { allowAny, connect } from '../../packages/client/dist/index.js';
import { answer, ready, runAll } from './answer.mjs';

const url = process.argv[2];
const width = 16;
const listeners = [];
let lost = 0;

answer({
  hold: async ({ count, limitMs }) => {
    const limit = AbortSignal.timeout(limitMs);
    setMaxListeners(0, limit);
    const wanted = count - listeners.length;
    try {
      await runAll(wanted, width, () => lease(limit));
    } catch (error) {
      if (!limit.aborted) throw error;
      throw new Error(`${listeners.length} of ${count} clients had their lease after ${limitMs / 1_000} s`);
    }
    return { count: listeners.length, lost };
  },
});
ready();

/** As the programs do: a relay that is busy with thousands of others is asked again. */
async function lease(signal) {
  const client = await connect(url, { use: 'listen', retry: true, signal });
  const listener = await client.listen({ accept: allowAny(), retry: true, signal });
  listener.closed.catch(() => {
    lost++;
  });
  listeners.push(listener);
}
