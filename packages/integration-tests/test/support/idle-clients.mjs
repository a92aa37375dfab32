// Holds clients that have a lease and nothing else, each with an identity and a link of its own.
// node idle-clients.mjs RELAY COUNT: JSON lines on stdout, `held` once all of them have their leases.
import { allowAny, RelayClient } from '@sealane/client';

const [url, count] = process.argv.slice(2);
const width = 16;
let next = 0;
let lost = 0;
/** Leases that a relay holds now, as far as their clients know. */
let registered = 0;

async function hold() {
  while (next < Number(count)) {
    next++;
    let isRegistered = false;
    const onStatus = ({ type, state }) => {
      if (type !== 'lease' || (state === 'registered') === isRegistered) return;
      isRegistered = !isRegistered;
      registered += isRegistered ? 1 : -1;
    };
    const client = await RelayClient.connect(url, { use: 'listen', onStatus, retry: true });
    const listener = await client.listen({ accept: allowAny(), retry: true });
    listener.closed.catch(() => {
      lost++;
    });
  }
}

await Promise.all(Array.from({ length: width }, hold));
tell('held');
process.stdin.on('data', () => tell('report')).once('end', () => process.exit(0));

function tell(event) {
  console.log(JSON.stringify({ event, count: next, lost, registered }));
}
