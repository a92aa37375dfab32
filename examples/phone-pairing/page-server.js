import { once } from 'node:events';
import { createServer } from 'node:http';
import { buildPage } from './page-files.js';

/**
 * Serves the page on this computer. @param {string} relayUrl @param {number} port
 * @returns {Promise<{ url: string, close: () => void }>}
 */
export async function servePage(relayUrl, port) {
  const { policy, files } = await buildPage(relayUrl);
  const headers = {
    'content-security-policy': `${policy}; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  };
  const server = createServer((request, response) => {
    const name = request.url === '/' ? 'index.html' : (request.url ?? '').slice(1);
    const found = Object.hasOwn(files, name) ? files[name] : undefined;
    if (found === undefined) response.writeHead(404, headers).end();
    else response.writeHead(200, { ...headers, 'content-type': found.type }).end(found.body);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: bound } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${bound}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
