import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { seededChunks } from '@sealane/testkit';
import WebSocket, { type RawData, type WebSocketServer } from 'ws';

/** Sends every message back as it came; two texts ask for an end instead. */
export function serveWebSocketEcho(server: WebSocketServer): void {
  server.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data, isBinary) => {
      const text = isBinary ? '' : data.toString();
      if (text === 'close me') socket.close(4_000, 'as you wish');
      else if (text === 'cut me') socket.terminate();
      else socket.send(data, { binary: isBinary });
    });
  });
}

/** One WebSocket and all that happened on it, as lines that can be compared. */
export class WebSocketClient {
  readonly transcript: string[] = [];
  readonly #socket: WebSocket;
  readonly #expected: { readonly sent: string; resolve(): void; reject(error: Error): void }[] = [];
  readonly #closed: Promise<void>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data, isBinary) => {
      const got = describe(toBuffer(data), isBinary);
      this.transcript.push(`message ${got}`);
      const next = this.#expected.shift();
      if (next?.sent === got) next.resolve();
      else next?.reject(new Error(`sent ${next.sent}, got ${got}`));
    });
    socket.on('error', (error) => this.transcript.push(`error ${error.message}`));
    this.#closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.transcript.push(`closed ${code} ${reason}`);
        for (const { reject } of this.#expected) reject(new Error('the WebSocket closed'));
        resolve();
      });
    });
  }

  static async open(port: number, options: { readonly deflate: boolean }): Promise<WebSocketClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: options.deflate });
    const client = new WebSocketClient(socket);
    await once(socket, 'open');
    client.transcript.push(`open with "${socket.extensions}"`);
    return client;
  }

  echo(data: string | Buffer): Promise<void> {
    const echoed = this.#expect(Buffer.from(data), typeof data !== 'string');
    this.#socket.send(data);
    return echoed;
  }

  echoSeeded(bytes: number): Promise<void> {
    return this.echo(Buffer.concat([...seededChunks(bytes, bytes)]));
  }

  /** One message in several frames. */
  echoFragments(parts: readonly string[]): Promise<void> {
    const echoed = this.#expect(Buffer.from(parts.join('')), false);
    for (const [index, part] of parts.entries()) this.#socket.send(part, { fin: index === parts.length - 1 });
    return echoed;
  }

  async ping(payload: string): Promise<void> {
    const pong = once(this.#socket, 'pong');
    this.#socket.ping(payload);
    this.transcript.push(`pong ${(await pong)[0]}`);
  }

  async close(code: number, reason: string): Promise<void> {
    this.#socket.close(code, reason);
    await this.#closed;
  }

  async closedByServer(request: string): Promise<void> {
    this.#socket.send(request);
    await this.#closed;
  }

  #expect(data: Buffer, isBinary: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#expected.push({ sent: describe(data, isBinary), resolve, reject });
    });
  }
}

function describe(data: Buffer, isBinary: boolean): string {
  return `${isBinary ? 'binary' : 'text'} ${data.length} ${createHash('sha256').update(data).digest('hex')}`;
}

function toBuffer(data: RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
}
