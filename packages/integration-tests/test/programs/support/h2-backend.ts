import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { seededChunks } from '@sealane/testkit';

/** Key and certificate of an HTTP/2 server over TLS. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** An HTTP/2 server: with a certificate over TLS, else with prior knowledge. */
export class H2Backend implements AsyncDisposable {
  readonly port: number;
  readonly #server: http2.Http2Server;
  readonly #sessions = new Set<http2.ServerHttp2Session>();

  private constructor(server: http2.Http2Server, sessions: Set<http2.ServerHttp2Session>) {
    this.#server = server;
    this.#sessions = sessions;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(certificate?: Certificate): Promise<H2Backend> {
    const settings = { maxConcurrentStreams: 500 };
    const server =
      certificate === undefined
        ? http2.createServer({ settings })
        : http2.createSecureServer({ ...certificate, settings, allowHTTP1: false });
    const sessions = new Set<http2.ServerHttp2Session>();
    server.on('session', (session) => {
      sessions.add(session);
      session.on('error', () => session.destroy());
      session.once('close', () => sessions.delete(session));
    });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      void answer(stream, headers);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new H2Backend(server as http2.Http2Server, sessions);
  }

  /** Ends every session in good order: no new requests, those under way go on. */
  goAway(): void {
    for (const session of this.#sessions) session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }
}

/** `/bytes/SEED/LENGTH` sends that, `/echo` sends the body back, `/sum` its SHA-256 as a trailer, `/reset` cancels. */
async function answer(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): Promise<void> {
  const [, kind, seed, bytes] = (headers[':path'] ?? '').split('/');
  try {
    if (kind === 'bytes') {
      stream.respond({ ':status': 200, 'x-seed': seed });
      await pipeline(Readable.from(seededChunks(Number(seed), Number(bytes)), { objectMode: false }), stream);
    } else if (kind === 'echo') {
      stream.respond({ ':status': 200 });
      await pipeline(stream, stream);
    } else if (kind === 'sum') {
      const hash = createHash('sha256');
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'x-sha256': hash.digest('hex') }));
      for await (const chunk of stream) hash.update(chunk as Buffer);
      stream.end('summed');
    } else if (kind === 'reset') {
      stream.respond({ ':status': 200 });
      stream.write('half', () => stream.destroy(new Error('an error of the server')));
    } else {
      stream.respond({ ':status': 404 });
      stream.end('nothing here\n');
    }
  } catch (error) {
    // The client went away: it knows.
    if (!stream.destroyed) throw error;
  }
}
