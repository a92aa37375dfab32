import { lstatSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { pipeSocketOptions } from '@sealane/client/node';
import { SealaneError } from '@sealane/types';
import { formatHostPort } from './host-port.js';
import type { ListenAddress } from './target.js';

const backlog = 4_096;

export interface LocalServer {
  /** As people and programs write it: `127.0.0.1:4000`, `[::1]:4000`, `unix:/path`. */
  readonly address: string;
  /** Takes no new connections; those that are open go on. */
  close(): void;
}

/** Listens locally. Sockets are given over paused and half-open. Throws ERR_LISTEN. */
export async function createLocalServer(
  address: ListenAddress,
  onSocket: (socket: net.Socket) => void,
): Promise<LocalServer> {
  const server = net.createServer({ ...pipeSocketOptions, pauseOnConnect: true, noDelay: true }, onSocket);
  try {
    if (address.kind === 'unix') await listenOnPath(server, address.path);
    else await listen(server, { host: address.host, port: address.port, backlog });
  } catch (error) {
    const where = address.kind === 'unix' ? `unix:${address.path}` : formatHostPort(address);
    throw new SealaneError(
      'ERR_LISTEN',
      `cannot listen on ${where}: ${(error as Error).message}; choose another --listen`,
      { cause: error },
    );
  }
  // Errors after listening concern single accepts, e.g. no free descriptor; the server goes on.
  server.on('error', () => {});
  const bound = server.address();
  const text =
    bound === null || typeof bound === 'string'
      ? `unix:${bound ?? ''}`
      : formatHostPort({ host: bound.address, port: bound.port });
  return { address: text, close: () => void server.close() };
}

function listen(server: net.Server, options: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Only this user may connect. A socket that a dead process left behind is replaced, a living one is not. */
async function listenOnPath(server: net.Server, path: string): Promise<void> {
  const previous = process.umask(0o177);
  let listening: Promise<void>;
  try {
    // The bind happens within the call, so the mask covers it.
    listening = listen(server, { path, backlog });
  } finally {
    process.umask(previous);
  }
  try {
    await listening;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !(await isAbandoned(path))) throw error;
    unlinkSync(path);
    await listenOnPath(server, path);
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return false;
  return await new Promise((resolve) => {
    const probe = net.connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
