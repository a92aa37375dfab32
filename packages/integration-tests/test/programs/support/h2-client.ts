import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import { Readable } from 'node:stream';
import { seededChunks } from '@sealane/testkit';

export interface H2Answer {
  readonly status: number | undefined;
  readonly bytes: number;
  readonly sha256: string;
  readonly trailer: unknown;
  /** 0, or the code with which the stream was reset. */
  readonly code: number;
}

/** One HTTP/2 session. */
export class H2Client {
  readonly session: http2.ClientHttp2Session;

  private constructor(session: http2.ClientHttp2Session) {
    this.session = session;
  }

  /** With `ca` over TLS, checked against it. */
  static async open(port: number, ca?: string): Promise<H2Client> {
    const session =
      ca === undefined ? http2.connect(`http://127.0.0.1:${port}`) : http2.connect(`https://127.0.0.1:${port}`, { ca });
    // Streams report what happens to them.
    session.on('error', () => {});
    await once(session, 'connect');
    return new H2Client(session);
  }

  async get(path: string): Promise<H2Answer> {
    const stream = this.session.request({ ':path': path });
    stream.end();
    return await answerOf(stream);
  }

  async post(path: string, seed: number, bytes: number): Promise<H2Answer> {
    const stream = this.session.request({ ':path': path, ':method': 'POST' });
    Readable.from(seededChunks(seed, bytes), { objectMode: false }).pipe(stream);
    return await answerOf(stream);
  }

  ping(payload: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.session.ping(Buffer.from(payload), (error, _duration, answer) => {
        if (error === null) resolve(answer.toString());
        else reject(error);
      });
    });
  }

  async close(): Promise<void> {
    if (this.session.closed && this.session.destroyed) return;
    const closed = once(this.session, 'close');
    this.session.close();
    await closed;
  }
}

function answerOf(stream: http2.ClientHttp2Stream): Promise<H2Answer> {
  const hash = createHash('sha256');
  let bytes = 0;
  let status: number | undefined;
  let trailer: unknown;
  stream.on('response', (headers) => {
    status = headers[':status'];
  });
  stream.on('trailers', (trailers) => {
    trailer = trailers['x-sha256'];
  });
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  stream.on('error', () => {});
  return new Promise((resolve) => {
    stream.once('close', () =>
      resolve({ status, bytes, sha256: hash.digest('hex'), trailer, code: stream.rstCode ?? 0 }),
    );
  });
}
