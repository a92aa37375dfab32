import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';

/** Where a TCP or unix socket is. */
export type Target = { readonly port: number; readonly host?: string } | { readonly path: string };

export interface TestServer extends AsyncDisposable {
  /** 0 on a unix socket. */
  readonly port: number;
  readonly target: Target;
  /** Sockets that are open now. */
  readonly sockets: ReadonlySet<net.Socket>;
  /** All sockets ever accepted. */
  readonly accepted: number;
  /** Closes the server and destroys its sockets. */
  close(): Promise<void>;
}

export interface TestServerOptions {
  /** Listen on a unix socket. */
  readonly path?: string;
  readonly host?: string;
  /** A fixed port; by default the platform picks one. */
  readonly port?: number;
}

/** How the peer ended its direction: with FIN, or not at all. */
export type StreamEnd = 'fin' | 'reset';

/** A server on 127.0.0.1 with half-open sockets allowed; errors of its sockets end those only. */
export async function startServer(
  onSocket: (socket: net.Socket) => void,
  options: TestServerOptions = {},
): Promise<TestServer> {
  const sockets = new Set<net.Socket>();
  let accepted = 0;
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  const { path, host = '127.0.0.1', port: wanted = 0 } = options;
  if (path === undefined) server.listen(wanted, host);
  else server.listen(path);
  await once(server, 'listening');
  const port = path === undefined ? (server.address() as AddressInfo).port : 0;
  const close = async (): Promise<void> => {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    target: path === undefined ? { port, host } : { path },
    sockets,
    get accepted() {
      return accepted;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A connected socket with half-open allowed. */
export async function connectTo(target: Target): Promise<net.Socket> {
  // The small mark makes each chunk fill the buffer, see `readByCall`.
  const options = { allowHalfOpen: true, noDelay: true, readableHighWaterMark: 1 };
  const socket = net.connect({ ...toConnectOptions(target), ...options });
  if ('port' in target) dialedPorts.set(socket, target.port);
  await once(socket, 'connect');
  return socket;
}

/** Writes the chunks at the pace of the socket; the socket stays open. Fails when the socket closes before. */
export async function writeAll(socket: net.Socket, chunks: Iterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for (const chunk of chunks) {
    if (socket.destroyed) throw new Error(`the socket closed after ${bytes} bytes`);
    bytes += chunk.length;
    if (!socket.write(chunk)) await drained(socket);
  }
  return bytes;
}

/**
 * Resolves with the way in which the peer ended its direction. Node 20 and 22 report a reset as 'end' when they see it
 * together with data; not where each chunk is fetched by its own read: there `readsByCall` is true and an end is one.
 */
export function streamEnd(socket: net.Socket, readsByCall = false): Promise<StreamEnd> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve(readsByCall || endedInOrder(socket) ? 'fin' : 'reset'));
    socket.once('error', () => resolve('reset'));
    socket.once('close', () => resolve('reset'));
  });
}

/**
 * After a reset the peer's address is gone when it is asked for the first time. It is gone, too, after an orderly end
 * that answers our own FIN, but then the platform remembers the connection, mostly: a FIN that is sent twice brings on a
 * reset that makes it forget. Who cannot bear that reads by call. Unix sockets have no address.
 */
function endedInOrder(socket: net.Socket): boolean {
  const { localPort } = socket;
  if (localPort === undefined || socket.remoteAddress !== undefined) return true;
  return socket.writableEnded && isRemembered(localPort, dialedPorts.get(socket));
}

/** Ports that sockets were connected to: asking the socket would spoil `endedInOrder`. */
const dialedPorts = new WeakMap<net.Socket, number>();

/** Whether a connection between these ports stands in FIN_WAIT or TIME_WAIT; an earlier one of the same port is another. */
function isRemembered(localPort: number, remotePort: number | undefined): boolean {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  const remote = remotePort === undefined ? '[0-9A-F]{4}' : hex(remotePort);
  const pattern = new RegExp(`^\\s*\\d+: [0-9A-F]+:${hex(localPort)} [0-9A-F]+:${remote} 0[456]`, 'm');
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((file) => pattern.test(readFileSync(file, 'utf8')));
}

/** Calls back with each chunk, fetched by a read of its own in a turn of its own; for sockets of {@link connectTo}. */
export function readByCall(socket: net.Socket, onChunk: (chunk: Buffer) => void): void {
  socket.on('readable', () => {
    setImmediate(() => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) onChunk(chunk);
    });
  });
}

function toConnectOptions(target: Target): net.NetConnectOpts {
  return 'path' in target ? { path: target.path } : { port: target.port, host: target.host ?? '127.0.0.1' };
}

function drained(socket: net.Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      socket.off('drain', onDrain);
      socket.off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onDrain = (): void => finish();
    const onClose = (): void => finish(new Error('the socket closed before it took everything'));
    socket.once('drain', onDrain);
    socket.once('close', onClose);
  });
}
