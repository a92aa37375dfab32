// Two programs talk line by line. The relay between them sees sizes and times, and no word.
//   node chat.js [--relay URL]      prints an invitation
//   node chat.js INVITATION         takes it
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { allowAny, connect } from '@sealane/client';
import { toDuplex } from '@sealane/client/node';
import { encodeAccessSecret, generateAccessSecret, parseAccessSecret } from '@sealane/crypto/credential';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { relay: { type: 'string', default: 'ws://127.0.0.1:9000' } },
});
const [invitation] = positionals;
if (invitation === undefined) await invite(values.relay);
else await accept(invitation);

/** Waits for one guest. Whoever has the invitation can come: give it to one person, over a channel that you trust. */
async function invite(/** @type {string} */ relayUrl) {
  const client = await connect(relayUrl, { use: 'listen' });
  // The secret is mixed into the keys: who does not have it cannot connect, whatever key it shows.
  const accessSecret = generateAccessSecret();
  const listener = await client.listen({ accept: allowAny(), accessSecret });
  console.log(`invitation ${listener.address}+${encodeAccessSecret(accessSecret)}`);
  for await (const connection of listener) {
    // One guest is enough: the lease is released, the session goes on.
    await listener.close();
    for await (const stream of connection) {
      await talk(stream);
      break;
    }
    break;
  }
  await client.close();
}

async function accept(/** @type {string} */ text) {
  const [address = '', secret = ''] = text.split('+');
  const client = await connect(address);
  try {
    await talk(await client.openStream(address, { accessSecret: parseAccessSecret(secret) }));
  } finally {
    await client.close();
  }
}

/** Lines of this terminal go there, lines from there come here, until both sides ended theirs. */
async function talk(/** @type {import('@sealane/client').SecureStream} */ stream) {
  console.log(`connected to ${stream.connection.peerId}`);
  const socket = toDuplex(stream);
  const own = createInterface({ input: process.stdin });
  own.on('line', (line) => socket.write(`${line}\n`));
  own.on('close', () => socket.end());
  createInterface({ input: socket }).on('line', (line) => console.log(`> ${printable(line)}`));
  await once(socket, 'close');
  process.stdin.destroy();
}

/** What somebody else wrote may hold control codes for this terminal. */
function printable(/** @type {string} */ line) {
  return line.replace(/\p{C}/gu, '�');
}
