// The other side without a browser: follows an invitation, says something, sends a file, keeps what it gets.
//   node peer.js INVITATION [MESSAGE] [FILE]
import { openAsBlob } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { connect, parseAddress } from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import { parseInvitation } from './invitation.js';
import { receive, sendFile, sendMessage } from './talk.js';

const [link, message, path] = process.argv.slice(2);
await loadCrypto();
const invitation = link === undefined ? undefined : parseInvitation(link);
const relay = invitation && parseAddress(invitation.address).relays[0];
if (invitation === undefined || relay === undefined) {
  console.error('give the link that the page shows');
  process.exit(2);
}

const client = await connect(relay.relayId === undefined ? relay.url : `${relay.url}#${relay.relayId}`);
const connection = await client.dial(invitation.address, { accessSecret: invitation.accessSecret });
console.log(`connected ${connection.peerId}`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => client.close());

const receiving = receive(connection, {
  onMessage: (text) => console.log(`message ${text.replace(/\p{Cc}/gu, ' ')}`),
  onFile: (name, bytes) => ({
    progress: () => undefined,
    done: (file, sha256) =>
      void keep(`received-${name}`, file).then(() => console.log(`file ${sha256} ${bytes} ${name}`)),
    failed: () => console.log(`failed ${name}`),
  }),
});
if (message !== undefined) await sendMessage(connection, message);
if (path !== undefined) {
  const sha256 = await sendFile(connection, basename(path), await openAsBlob(path), () => undefined);
  console.log(`sent ${sha256} ${basename(path)}`);
}
await receiving.catch(() => undefined);
await client.close();

/** @param {string} name @param {Blob} file */
async function keep(name, file) {
  // A file that is there stays as it is.
  await writeFile(name, new Uint8Array(await file.arrayBuffer()), { flag: 'wx' });
}
