// Holds clients that have a lease and nothing else, each with an identity and a link of its own.
// node idle-clients.mjs RELAY COUNT: JSON lines on stdout, `held` once all of them have their leases.
import { allowAny, RelayClient } from '@sealane/client';

const [url, count] = process.argv.slice(2);
const width = 16;
let next = 0;
let lost = 0;

async function hold() {
  while (next < Number(count)) {
    next++;
    const client = await RelayClient.connect(url, { use: 'listen' });
    const listener = await client.listen({ accept: allowAny() });
    listener.closed.catch(() => {
      lost++;
    });
  }
}

await Promise.all(Array.from({ length: width }, hold));
tell('held');
process.stdin.on('data', () => tell('report')).once('end', () => process.exit(0));

function tell(event) {
  console.log(JSON.stringify({ event, count: next, lost }));
}
