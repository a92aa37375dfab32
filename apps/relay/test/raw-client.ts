import { connect, type Socket } from 'node:net';
import { encodeWebSocketFrame, type WebSocketFrame, WebSocketFramer } from '@sealane/testkit';

const zeroMask = new Uint8Array(4);
const CLOSE = 8;

/** A WebSocket client by hand, which never answers anything by itself. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: WebSocketFrame[] = [];
  readonly closed: Promise<void>;
  readonly #waiters = new Set<() => void>();

  private constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port });
    this.socket.on('error', () => this.socket.destroy());
    const framer = new WebSocketFramer();
    this.socket.on('data', (chunk: Buffer) => {
      this.frames.push(...framer.push(chunk).frames);
      for (const wake of [...this.#waiters]) wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => resolve());
    });
  }

  /** Connected and upgraded as far as the relay lets it. */
  static open(port: number): RawClient {
    const client = new RawClient(port);
    client.socket.write(
      'GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sealane.1\r\n\r\n',
    );
    return client;
  }

  send(payload: Uint8Array): void {
    this.socket.write(encodeWebSocketFrame({ fin: true, opcode: 2, mask: zeroMask, payload }));
  }

  /** The size of the relay's first message. */
  async greeting(): Promise<number> {
    while (this.frames.length === 0) {
      if (this.socket.destroyed) throw new Error('closed without a greeting');
      await Promise.race([new Promise<void>((resolve) => this.#waiters.add(resolve)), this.closed]);
    }
    return this.frames[0]?.payload.length ?? 0;
  }

  /** Resolves when the relay has said its last word, which is not answered. */
  async ended(): Promise<void> {
    while (this.closeCode === undefined && !this.socket.destroyed) {
      await Promise.race([new Promise<void>((resolve) => this.#waiters.add(resolve)), this.closed]);
    }
    this.socket.destroy();
  }

  /** The code of the relay's close frame, if it came. */
  get closeCode(): number | undefined {
    const payload = this.frames.find(({ opcode }) => opcode === CLOSE)?.payload;
    return payload === undefined ? undefined : ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
  }
}
