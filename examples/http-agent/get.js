// Fetches a page of the http-server example with node:http, through a relay.
//   node get.js                               prints the id that the server's owner has to allow
//   node get.js ADDRESS [PATH] [--post TEXT]
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { connect } from '@sealane/client';
import { loadOrCreateKeyFile } from '@sealane/crypto/key-file';
import { SealaneAgent } from './sealane-agent.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { key: { type: 'string', default: 'http-agent.key' }, post: { type: 'string' } },
});
const credential = await loadOrCreateKeyFile(values.key);
const [address, path = '/'] = positionals;
if (address === undefined) console.log(credential.id);
else await get(address, path);

/** @param {string} address @param {string} path */
async function get(address, path) {
  const client = await connect(address, { credential });
  const agent = new SealaneAgent(client, address);
  try {
    /** @type {import('node:http').IncomingMessage} */
    const response = await new Promise((resolve, reject) => {
      const method = values.post === undefined ? 'GET' : 'POST';
      request({ agent, host: 'sealane', path, method }, resolve).on('error', reject).end(values.post);
    });
    console.log(`${response.statusCode} ${await text(response)}`);
  } finally {
    agent.destroy();
    await client.close();
  }
}
