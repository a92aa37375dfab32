// A computer that a phone is paired with by a QR code. The phone then sends texts and photos; lines typed here go there.
//   node desktop.js [RELAY-URL] [--page-port PORT | --page URL] [--data DIRECTORY] [--pair]
//   node desktop.js --forget [--data DIRECTORY]
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { connect } from '@sealane/client';
import { loadOrCreateKeyFile } from '@sealane/crypto/key-file';
import { takeFromPhone } from './inbox.js';
import { servePage } from './page-server.js';
import { offerPairing } from './pairing.js';
import { createPairingLink } from './pairing-link.js';
import { Phones } from './phones.js';
import { drawQr } from './qr.js';

/** @typedef {import('@sealane/client').SecureConnection} SecureConnection */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'page-port': { type: 'string', default: '8080' },
    page: { type: 'string' },
    data: { type: 'string', default: 'phone-pairing-data' },
    pair: { type: 'boolean', default: false },
    forget: { type: 'boolean', default: false },
  },
});
const relayUrl = positionals[0] ?? 'ws://127.0.0.1:9000';
const photos = join(values.data, 'photos');
await mkdir(photos, { recursive: true, mode: 0o700 });
const phones = new Phones(join(values.data, 'phones.json'));
/** Sessions of phones that are here now. @type {Set<SecureConnection>} */
const present = new Set();

if (values.forget) {
  const count = (await phones.list()).length;
  await phones.forgetAll();
  console.log(`forgot ${count} phone${count === 1 ? '' : 's'}`);
} else await run();

async function run() {
  const own = values.page === undefined ? await servePage(relayUrl, Number(values['page-port'])) : undefined;
  const credential = await loadOrCreateKeyFile(join(values.data, 'computer.key'));
  // A phone that went is told to have left sooner than usual.
  const resumption = { giveUpMs: 10_000 };
  const client = await connect(relayUrl, { use: 'listen', credential, resumption });
  const lines = createInterface({ input: process.stdin });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      own?.close();
      lines.close();
      process.stdin.destroy();
      void client.close();
    });
  }
  const listener = await client.listen({
    service: 'phone',
    takeOver: true,
    // No secret any more: the handshake proves the phone's key, and the file says which keys may come in.
    accept: async ({ id }) =>
      (await phones.find(id)) !== undefined || { deny: 'this computer does not know this phone' },
  });
  const known = await phones.list();
  console.log(`ready for ${known.length} phone${known.length === 1 ? '' : 's'}`);
  if (known.length === 0 || values.pair) {
    const permanentAddress = listener.address;
    const remember = (/** @type {import('./phones.js').Phone} */ phone) => phones.add(phone);
    const { address, paired } = await offerPairing(client, { permanentAddress, remember });
    const link = createPairingLink(values.page ?? own?.url ?? '', address);
    console.log(`${drawQr(link)}\nScan the code with the phone's camera. One phone can use it, once.\nlink ${link}`);
    console.log(`computer ${client.id.slice(0, 8)}`);
    void paired.then((phone) => {
      if (phone !== undefined) console.log(`paired ${phone.id} ${phone.name}`);
    }, report);
  }
  lines.on('line', (line) => {
    for (const connection of present) sendLine(connection, line).catch(report);
  });
  for await (const connection of listener) serve(connection).catch(report);
}

/** @param {SecureConnection} connection */
async function serve(connection) {
  const id = connection.peerId;
  console.log(`connected ${id}`);
  present.add(connection);
  connection.closed.then(undefined, () => undefined).finally(() => present.delete(connection));
  for await (const stream of connection) {
    // Forgotten while it was connected.
    if ((await phones.find(id)) === undefined) return connection.abort();
    takeFromPhone(stream, photos).then(console.log, (error) => {
      stream.abort();
      report(error);
    });
  }
  console.log(`left ${id}`);
}

/** @param {SecureConnection} connection @param {string} line */
async function sendLine(connection, line) {
  const stream = await connection.openStream({ label: 'text' });
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode(line.slice(0, 4_000)));
  await writer.close();
}

/** @param {unknown} error */
function report(error) {
  console.error(error instanceof Error ? error.message : String(error));
}
