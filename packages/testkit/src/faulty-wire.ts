import net from 'node:net';
import { startServer, type Target, type TestServer } from './tcp.js';
import { encodeWebSocketFrame, type WebSocketFrame, WebSocketFramer } from './websocket-framer.js';

/** `up` is from the client to the relay. */
export type WireDirection = 'up' | 'down';

export interface WireMessage {
  readonly direction: WireDirection;
  /** Number of the TCP connection through this wire, from 0. */
  readonly connection: number;
  /** Number of the WebSocket message in its direction, from 0. Control frames are not shown. */
  readonly index: number;
  readonly payload: Uint8Array;
}

/** `hold` delivers the message after the next one: both are swapped. */
export type WireAction =
  | 'pass'
  | 'drop'
  | 'cut'
  | 'repeat'
  | 'hold'
  | { readonly replace: Uint8Array }
  | { readonly delayMs: number };

export interface WireChunk {
  readonly direction: WireDirection;
  readonly connection: number;
  /** Position of the chunk's first byte in its direction, the HTTP head included. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface FaultyWireOptions {
  /** Asked for every WebSocket message; may be changed later. */
  onMessage?: (message: WireMessage) => WireAction;
  /** Asked for the bytes as they arrive, below the WebSocket; with it messages are not looked at. */
  onBytes?: (chunk: WireChunk) => Uint8Array | 'cut';
}

/** A TCP proxy in front of a relay that damages what it carries, in the places that a test names. */
export class FaultyWire implements AsyncDisposable {
  onMessage: FaultyWireOptions['onMessage'];
  onBytes: FaultyWireOptions['onBytes'];
  readonly carriedBytes: Record<WireDirection, number> = { up: 0, down: 0 };
  readonly #target: Target;
  readonly #connections = new Set<WireConnection>();
  #server: TestServer | undefined;
  #count = 0;
  #isStalled = false;
  #refuses = false;

  private constructor(target: Target, options: FaultyWireOptions) {
    this.#target = target;
    this.onMessage = options.onMessage;
    this.onBytes = options.onBytes;
  }

  static async start(target: Target, options: FaultyWireOptions = {}): Promise<FaultyWire> {
    const wire = new FaultyWire(target, options);
    wire.#server = await startServer((socket) => wire.#accept(socket));
    return wire;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** Connections that went through so far. */
  get connections(): number {
    return this.#count;
  }

  /** Resets every connection that is up. */
  cutAll(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /** While stalled nothing is carried and nothing is closed, as with a machine that vanished. */
  stall(isStalled: boolean): void {
    this.#isStalled = isStalled;
    for (const connection of this.#connections) connection.stall(isStalled);
  }

  /** While refusing, new connections are reset at once. */
  refuse(refuses: boolean): void {
    this.#refuses = refuses;
  }

  async close(): Promise<void> {
    this.cutAll();
    await this.#server?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(socket: net.Socket): void {
    if (this.#refuses) {
      socket.resetAndDestroy();
      return;
    }
    const connection = new WireConnection(this, this.#count++, socket, this.#target);
    this.#connections.add(connection);
    connection.onClose = () => this.#connections.delete(connection);
    if (this.#isStalled) connection.stall(true);
  }
}

class WireConnection {
  onClose: () => void = () => {};
  readonly #sockets: readonly net.Socket[];

  constructor(wire: FaultyWire, number: number, client: net.Socket, target: Target) {
    const options = 'path' in target ? { path: target.path } : { port: target.port, host: target.host ?? '127.0.0.1' };
    const relay = net.connect({ ...options, allowHalfOpen: true, noDelay: true });
    this.#sockets = [client, relay];
    this.#carry(wire, number, 'up', client, relay);
    this.#carry(wire, number, 'down', relay, client);
    for (const socket of this.#sockets) {
      socket.on('error', () => this.cut());
      socket.once('close', () => this.#close());
    }
  }

  cut(): void {
    for (const socket of this.#sockets) resetSocket(socket);
  }

  stall(isStalled: boolean): void {
    for (const socket of this.#sockets) {
      if (isStalled) socket.pause();
      else socket.resume();
    }
  }

  #close(): void {
    if (this.#sockets.every((socket) => socket.destroyed)) this.onClose();
  }

  #carry(wire: FaultyWire, connection: number, direction: WireDirection, from: net.Socket, to: net.Socket): void {
    const lane = new MessageLane(connection, direction);
    const write = (bytes: Uint8Array): void => {
      if (!to.destroyed && !to.write(bytes)) from.pause();
    };
    let offset = 0;
    // Actions that take time keep the order of what follows them.
    let tail: Promise<void> | undefined;
    const run = (step: WireStep): void => {
      if (step === 'cut') this.cut();
      else if ('delayMs' in step) tail = (tail ?? Promise.resolve()).then(() => delay(step.delayMs));
      else if (tail === undefined) write(step.bytes);
      else tail = tail.then(() => write(step.bytes));
    };
    to.on('drain', () => from.resume());
    from.on('data', (bytes) => {
      wire.carriedBytes[direction] += bytes.length;
      if (wire.onBytes !== undefined) {
        const changed = wire.onBytes({ direction, connection, offset, bytes });
        offset += bytes.length;
        run(changed === 'cut' ? 'cut' : { bytes: changed });
        return;
      }
      for (const step of lane.push(bytes, wire.onMessage)) run(step);
    });
    from.once('end', () => {
      if (tail === undefined) to.end();
      else tail = tail.then(() => void to.end());
    });
  }
}

/** A socket whose shutdown is on its way cannot be reset in between: it would stay open, and with it the process. */
function resetSocket(socket: net.Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (isEnding && !socket.destroyed) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

type WireStep = 'cut' | { readonly bytes: Uint8Array } | { readonly delayMs: number };

class MessageLane {
  readonly #connection: number;
  readonly #direction: WireDirection;
  readonly #framer = new WebSocketFramer();
  #index = 0;
  #held: Uint8Array | undefined;

  constructor(connection: number, direction: WireDirection) {
    this.#connection = connection;
    this.#direction = direction;
  }

  *push(chunk: Uint8Array, onMessage: FaultyWireOptions['onMessage']): Generator<WireStep> {
    const { head, frames } = this.#framer.push(chunk);
    if (head !== undefined) yield { bytes: head };
    for (const frame of frames) {
      if (frame.opcode >= 8 || onMessage === undefined) yield { bytes: encodeWebSocketFrame(frame) };
      else yield* this.#act(frame, onMessage);
    }
  }

  *#act(frame: WebSocketFrame, onMessage: NonNullable<FaultyWireOptions['onMessage']>): Generator<WireStep> {
    const bytes = encodeWebSocketFrame(frame);
    const action = onMessage({
      direction: this.#direction,
      connection: this.#connection,
      index: this.#index++,
      payload: frame.payload,
    });
    if (action === 'hold') {
      if (this.#held !== undefined) yield { bytes: this.#held };
      this.#held = bytes;
      return;
    }
    if (action === 'cut') yield 'cut';
    else if (action === 'pass') yield { bytes };
    else if (action === 'repeat') yield* [{ bytes }, { bytes }];
    else if (action !== 'drop') {
      if ('delayMs' in action) yield* [action, { bytes }];
      else yield { bytes: encodeWebSocketFrame({ ...frame, payload: action.replace }) };
    }
    if (this.#held !== undefined) yield { bytes: this.#held };
    this.#held = undefined;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
