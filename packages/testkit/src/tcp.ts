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
  const socket = net.connect({ ...toConnectOptions(target), allowHalfOpen: true, noDelay: true });
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

/** Resolves with the way in which the peer ended its direction. Node 20 and 22 may report a reset as 'end'. */
export function streamEnd(socket: net.Socket): Promise<StreamEnd> {
  return new Promise((resolve) => {
    // The end comes first where there is one: what follows it does not change how it was.
    const notEnded = (error?: unknown): void => {
      socket.off('end', onEnd);
      trace(socket, error instanceof Error ? error.message : 'closed');
      resolve('reset');
    };
    const onEnd = (): void => {
      socket.off('error', notEnded);
      socket.off('close', notEnded);
      void endedInOrder(socket).then((isInOrder) => resolve(isInOrder ? 'fin' : 'reset'));
    };
    socket.once('end', onEnd);
    socket.once('error', notEnded);
    socket.once('close', notEnded);
  });
}

/**
 * After a reset the peer's address is gone when it is asked for the first time. It is gone, too, after an orderly end
 * that answers our own FIN, but then the platform remembers the connection for a minute. Unix sockets have no address.
 */
async function endedInOrder(socket: net.Socket): Promise<boolean> {
  const { localPort } = socket;
  if (localPort === undefined || socket.remoteAddress !== undefined) return true;
  const isFinSent = socket.writableEnded;
  for (let looks = 0; isFinSent && looks < LOOKS; looks++) {
    if (isRemembered(localPort, dialedPorts.get(socket))) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  trace(socket, isFinSent ? 'ended and forgotten' : 'ended and gone before its own end');
  return false;
}

/** With `SEALANE_TRACE_ENDS` set every end that is called a reset says why, and what the platform knows of its port. */
function trace(socket: net.Socket, why: string): void {
  if (process.env['SEALANE_TRACE_ENDS'] === undefined) return;
  const port = `:${(socket.localPort ?? 0).toString(16).toUpperCase().padStart(4, '0')} `;
  const known = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const lines = known.filter((line) => line.includes(port)).map((line) => line.slice(0, 60));
  console.error(`reset: ${why}; ports ${port}${dialedPorts.get(socket)}; of ${known.length}: ${lines.join(' | ')}`);
}

/** Ports that sockets were connected to: asking the socket would spoil `endedInOrder`. */
const dialedPorts = new WeakMap<net.Socket, number>();

/** The list is read in pieces while others come and go in it: one look can miss what is there, and never shows what is not. */
const LOOKS = 4;
const LOOK_MS = 5;

/** Whether a connection between these ports stands in FIN_WAIT or TIME_WAIT; an earlier one of the same port is another. */
function isRemembered(localPort: number, remotePort: number | undefined): boolean {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  const remote = remotePort === undefined ? '[0-9A-F]{4}' : hex(remotePort);
  const pattern = new RegExp(`^\\s*\\d+: [0-9A-F]+:${hex(localPort)} [0-9A-F]+:${remote} 0[456]`, 'm');
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((file) => pattern.test(readFileSync(file, 'utf8')));
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
