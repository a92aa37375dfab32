import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type DemoFacts, demoPage } from './page.js';

export interface PageServer {
  readonly port: number;
  readonly requests: number;
  close(): void;
}

/** The small web page that the owner of the demo exposes. Only the owner reaches it: it listens on loopback. */
export async function createPageServer(facts: () => DemoFacts, onVisit: () => void): Promise<PageServer> {
  let requests = 0;
  const server = http.createServer((request, response) => {
    requests += 1;
    const path = (request.url ?? '/').split('?')[0];
    if (path === '/facts') {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(facts()));
    } else if (path === '/') {
      onVisit();
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy':
          "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'",
        'x-content-type-options': 'nosniff',
      });
      response.end(demoPage);
    } else if (path === '/hello') {
      const word = new URL(request.url ?? '/', 'http://demo').searchParams.get('word') ?? '';
      const text = `Hello through the relay.\nOnly you and I can read this: ${word}\n`;
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) });
      response.end(text);
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' });
      response.end('not here\n');
    }
  });
  server.maxConnections = 256;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
