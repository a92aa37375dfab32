// Serves the page with the policy that Sealane needs, and nothing more.
//   node server.js [RELAY-URL] [PORT]
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseRelayUrl } from '@sealane/client';
import { build } from 'esbuild';

const relayUrl = process.argv[2] ?? 'ws://127.0.0.1:9000';
const port = Number(process.argv[3] ?? 8080);
const relayOrigin = new URL(parseRelayUrl(relayUrl).url).origin;

const headers = {
  'content-security-policy': [
    "default-src 'none'",
    // libsodium is WebAssembly: without the second word nothing starts.
    "script-src 'self' 'wasm-unsafe-eval'",
    `connect-src ${relayOrigin}`,
    "style-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const file = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const bundle = await build({
  entryPoints: [file('page.js')],
  bundle: true,
  write: false,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2023',
  // libsodium asks for it where a browser's own generator is missing.
  external: ['node:crypto'],
  logLevel: 'warning',
});
const html = (await readFile(file('page.html'), 'utf8')).replace(
  'data-relay=""',
  () => `data-relay="${quoted(relayUrl)}"`,
);

/** @type {Readonly<Record<string, { type: string, body: string | Uint8Array }>>} */
const files = {
  '/': { type: 'text/html; charset=utf-8', body: html },
  '/page.css': { type: 'text/css; charset=utf-8', body: await readFile(file('page.css')) },
  '/page.js': { type: 'text/javascript; charset=utf-8', body: bundle.outputFiles[0]?.contents ?? '' },
};

const server = createServer((request, response) => {
  const found = files[request.url ?? '/'];
  if (found === undefined) return response.writeHead(404, headers).end();
  return response.writeHead(200, { ...headers, 'content-type': found.type }).end(found.body);
});
server.listen(port, '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`page http://127.0.0.1:${address.port}/`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close().closeAllConnections());

/** @param {string} text */
function quoted(text) {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
}
