// Dialers of idle sessions: `node session-dialers.mjs CLIENTS ADDRESS...`. The parent says `hold` with how many there shall be.
import { connect } from '../../packages/client/dist/index.js';
import { answer, ready, runAll } from './answer.mjs';

const [clientCount, ...addresses] = process.argv.slice(2);
const width = 8;
const clients = await Promise.all(Array.from({ length: Number(clientCount) }, () => connect(addresses[0])));
const connections = [];
let next = 0;

answer({
  hold: async ({ count }) => {
    await runAll(count - connections.length, width, async () => {
      const turn = next++;
      // Every client goes through all owners before it comes to the first one again.
      const address = addresses[Math.floor(turn / clients.length) % addresses.length];
      connections.push(await clients[turn % clients.length].dial(address, { fresh: true }));
    });
    return { count: connections.length, lost: connections.filter(({ isOpen }) => !isOpen).length };
  },
});
ready();
