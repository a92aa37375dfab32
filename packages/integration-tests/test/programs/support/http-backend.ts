import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { seededChunks } from '@sealane/testkit';
import { eventText } from './event-source.js';
import { answerRange } from './range-answer.js';

/** Every file of the backend is this long unless its path says otherwise, `/bytes/SEED/LENGTH`. */
export const fileBytes = 1_000_000;
export const fileSeed = 21;

/** An HTTP server whose answers follow from the request alone, so that two runs can be compared byte by byte. */
export class HttpBackend implements AsyncDisposable {
  readonly port: number;
  readonly server: http.Server;
  /** What the server saw since the last `takeLog`, in order. */
  readonly #log: string[] = [];

  private constructor(server: http.Server) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(): Promise<HttpBackend> {
    const server = http.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const backend = new HttpBackend(server);
    server.on('connection', () => backend.#log.push('connection'));
    server.on('request', (request, response) => backend.#answer(request, response));
    server.on('checkContinue', (request, response) => {
      backend.#log.push(`expects ${request.headers.expect}`);
      response.sendDate = false;
      if (request.url === '/refuse') {
        response.writeHead(417, { 'Content-Length': 0, Connection: 'close' }).end();
        return;
      }
      if (request.url === '/forbid') {
        response.writeHead(403, { 'Content-Length': 3, Connection: 'close' }).end('no\n');
        return;
      }
      response.writeContinue();
      backend.#answer(request, response);
    });
    return backend;
  }

  takeLog(): string[] {
    return this.#log.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    this.#log.push(`${request.method} ${request.url} HTTP/${request.httpVersion}`);
    response.sendDate = false;
    const [, kind, ...rest] = new URL(request.url ?? '/', 'http://backend').pathname.split('/');
    if (request.method === 'PUT' || request.method === 'POST') {
      // A client that went away needs no answer.
      answerUpload(request, response).catch(() => response.destroy());
    } else if (kind === 'chunked') void answerChunked(response);
    else if (kind === 'file') answerRange(request, response, Buffer.concat([...seededChunks(fileSeed, fileBytes)]));
    else if (kind === 'events') void answerEvents(response, Number(rest[0]));
    else if (kind === 'bytes') void answerBytes(response, Number(rest[0]), Number(rest[1]));
    else response.end(`${request.method} ${request.url}\n`);
  }
}

/** Tells what arrived: how it was sent, how much, and its sum. */
async function answerUpload(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    hash.update(chunk as Buffer);
  }
  const { 'transfer-encoding': encoding = 'none', 'content-length': length = 'none' } = request.headers;
  response.end(`encoding ${encoding} length ${length} bytes ${bytes} sha256 ${hash.digest('hex')}\n`);
}

/** Chunks of many sizes, each on its way before the next one is made, and trailers over all of them. */
async function answerChunked(response: http.ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', Trailer: 'X-Sha256, X-Chunks' });
  let chunks = 0;
  for (let size = 1; size < 600_000; size = Math.ceil(size * 1.7)) {
    for (const chunk of seededChunks(size, size, size)) {
      hash.update(chunk);
      chunks++;
      await new Promise<void>((resolve) => response.write(chunk, () => resolve()));
    }
  }
  response.addTrailers({ 'X-Sha256': hash.digest('hex'), 'X-Chunks': String(chunks) });
  response.end();
}

/** Server-sent events, each on its way before the next one is made. */
async function answerEvents(response: http.ServerResponse, events: number): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  for (let number = 0; number < events; number++) {
    await new Promise<void>((resolve) => response.write(eventText(number), () => resolve()));
  }
  response.end();
}

async function answerBytes(response: http.ServerResponse, seed: number, bytes: number): Promise<void> {
  response.writeHead(200, { 'Content-Length': bytes });
  // Rejects when the client goes away, which is the client's to tell.
  await pipeline(Readable.from(seededChunks(seed, bytes)), response).catch(() => {});
}
