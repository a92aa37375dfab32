import { createHash } from 'node:crypto';
import type net from 'node:net';
import { seededChunks } from './byte-source.js';
import {
  connectTo,
  readByCall,
  type StreamEnd,
  startServer,
  streamEnd,
  type Target,
  type TestServer,
  type TestServerOptions,
  writeAll,
} from './tcp.js';

/** What arrived on one socket until its end. */
export interface Received {
  readonly bytes: number;
  readonly sha256: string;
  readonly end: StreamEnd;
}

/** Sends every byte back and answers a FIN with a FIN. */
export function startEchoServer(options: TestServerOptions = {}): Promise<TestServer> {
  return startServer((socket) => socket.pipe(socket), options);
}

export interface SinkServer extends TestServer {
  /** What the next socket sent, in the order of their ends; past ones are kept. */
  next(): Promise<Received>;
}

/** Reads and hashes; ends its own direction after the peer's. */
export async function startSink(options: TestServerOptions = {}): Promise<SinkServer> {
  const finished: Received[] = [];
  const waiting: ((received: Received) => void)[] = [];
  const server = await startServer((socket) => {
    void collect(socket).then((received) => {
      socket.end();
      const waiter = waiting.shift();
      if (waiter === undefined) finished.push(received);
      else waiter(received);
    });
  }, options);
  const next = (): Promise<Received> => {
    const received = finished.shift();
    return received === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(received);
  };
  return Object.defineProperties({ next }, Object.getOwnPropertyDescriptors(server)) as SinkServer;
}

/** Sends `bytes` seeded bytes to each socket and a FIN; reads and drops what comes. */
export function startSource(
  source: { readonly seed: number; readonly bytes: number },
  options: TestServerOptions = {},
): Promise<TestServer> {
  return startServer((socket) => {
    socket.resume();
    void writeAll(socket, seededChunks(source.seed, source.bytes)).then(
      () => socket.end(),
      () => socket.destroy(),
    );
  }, options);
}

/** Answers only after the peer's FIN: one line `<bytes> <sha256>` over all that came, then its own FIN. */
export function startHalfCloseServer(options: TestServerOptions = {}): Promise<TestServer> {
  return startServer((socket) => {
    void collect(socket).then(({ bytes, sha256, end }) => {
      if (end === 'fin') socket.end(`${bytes} ${sha256}\n`);
      else socket.destroy();
    });
  }, options);
}

export interface SlowServerOptions extends TestServerOptions {
  /** Bytes that are read before it stops for good. Default 0: it never reads. */
  readonly bytes?: number;
}

/** Accepts, reads `bytes` and then nothing more, without closing. */
export function startStalledServer(options: SlowServerOptions = {}): Promise<TestServer> {
  return startServer((socket) => {
    let left = options.bytes ?? 0;
    if (left === 0) {
      socket.pause();
      return;
    }
    socket.on('data', (chunk) => {
      left -= chunk.length;
      if (left <= 0) socket.pause();
    });
  }, options);
}

/** Reads at most `bytesPerSecond`, in steps of a tenth of a second, and drops it. */
export function startThrottledServer(bytesPerSecond: number, options: TestServerOptions = {}): Promise<TestServer> {
  return startServer((socket) => {
    let allowance = 0;
    const timer = setInterval(() => {
      allowance = Math.min(bytesPerSecond, allowance + bytesPerSecond / 10);
      if (allowance > 0) socket.resume();
    }, 100);
    socket.once('close', () => clearInterval(timer));
    socket.once('end', () => socket.end());
    socket.on('data', (chunk) => {
      allowance -= chunk.length;
      if (allowance <= 0) socket.pause();
    });
    socket.pause();
  }, options);
}

/** Reads a socket to its end; `readsByCall` is for sockets of {@link connectTo} that nobody pauses. */
export async function collect(
  socket: net.Socket,
  onData?: (chunk: Uint8Array) => void,
  { readsByCall = false }: { readonly readsByCall?: boolean } = {},
): Promise<Received> {
  const hash = createHash('sha256');
  let bytes = 0;
  const ended = streamEnd(socket, readsByCall);
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    hash.update(chunk);
    onData?.(chunk);
  };
  if (readsByCall) readByCall(socket, take);
  else socket.on('data', take);
  const end = await ended;
  return { bytes, sha256: hash.digest('hex'), end };
}

export interface ExchangeOptions {
  /** Sees every chunk of the answer. */
  readonly onData?: (chunk: Uint8Array) => void;
}

/** Connects, sends the chunks and a FIN, and reads the answer to its end, both at once. */
export async function exchange(
  target: Target,
  chunks: Iterable<Uint8Array>,
  options: ExchangeOptions = {},
): Promise<Received> {
  const socket = await connectTo(target).catch((error: NodeJS.ErrnoException) => {
    // A server that resets at once may do so before this process has seen the connection.
    if (error.code === 'ECONNRESET') return undefined;
    throw error;
  });
  if (socket === undefined) return { bytes: 0, sha256: createHash('sha256').digest('hex'), end: 'reset' };
  const answer = collect(socket, options.onData, { readsByCall: true });
  try {
    await writeAll(socket, chunks);
    socket.end();
    return await answer;
  } finally {
    socket.destroy();
  }
}
