import type { SealaneAddress, SecureStream } from '@sealane/client';
import { spaceOutCollections } from '@sealane/mux/node';
import { SealaneError } from '@sealane/types';
import type { ConnectOptions } from '../commands/connect.js';
import { createTunnelContext, resolveRelays, type TunnelContext } from '../config/context.js';
import { loadTicket } from '../config/ticket-commands.js';
import { createScreen, startLiveView } from '../live/live-view.js';
import { lookAtClient } from '../live/look-at-client.js';
import { usageError } from '../output/error-line.js';
import { exitAfterFlush } from '../output/exit.js';
import { ConnectSockets, localWaitMs } from './connect-sockets.js';
import { untilAborted } from './contact.js';
import { parseDialAddress } from './dial-client.js';
import { createLocalServer } from './local-server.js';
import { createShutdown, type Shutdown, tellPeersAtEnd } from './shutdown.js';
import { pipeStdio } from './stdio.js';
import { StreamOpener } from './stream-opener.js';
import { type ListenAddress, parseListenAddress } from './target.js';

/** How long the first contact may delay the local port. */
const firstContactMs = 3_000;

/** Opens a local port, a unix socket or standard input and output to an owner. */
export async function runConnect(addressText: string, options: ConnectOptions): Promise<void> {
  spaceOutCollections();
  const listen = parseWhere(options);
  const { loadCrypto } = await import('@sealane/crypto');
  await loadCrypto();
  const address = parseDialAddress(addressText, options.service);
  const urls = await resolveRelays(options.relay, address.relays);
  const screen = createScreen(options);
  const context = await createTunnelContext(options, listen === 'stdio', screen);
  const shutdown = createShutdown(context.drainMs);
  const ticket = options.ticket === undefined ? undefined : await loadTicket(options.ticket);
  if (options.token !== undefined && options.identify !== true)
    throw usageError('--token admits this identity: give --identify too, or leave both out');
  const opener = await StreamOpener.create(context, {
    urls,
    target: { ...address, relays: [] },
    alpn: options.alpn,
    identify: options.identify === true,
    ticket,
  });
  tellPeersAtEnd(opener.client);
  if (screen !== undefined)
    startLiveView(screen, lookAtClient(opener.client, context.peers, `connect ${nameOf(address)}`));
  try {
    if (listen === 'stdio') await runStdio(opener, context, shutdown);
    else await runLocalServer(listen, opener, context, shutdown);
  } catch (error) {
    if (!shutdown.signal.aborted || listen === 'stdio') throw error;
  }
  await Promise.race([opener.close(context.drainMs), shutdown.deadline]);
  await exitAfterFlush(0);
}

async function runLocalServer(
  address: ListenAddress,
  opener: StreamOpener,
  context: TunnelContext,
  shutdown: Shutdown,
): Promise<void> {
  const { reporter } = context;
  const sockets = new ConnectSockets(opener, reporter);
  const server = await createLocalServer(address, (socket) => sockets.accept(socket));
  try {
    // A refusal now ends the program; from here on it concerns the local connection that met it.
    await opener.firstContact(firstContactMs, shutdown.signal);
    reporter.event({ event: 'listening', address: server.address });
    await aborted(shutdown.signal);
  } finally {
    server.close();
  }
  reporter.event({ event: 'stopping', drainMs: context.drainMs });
  await Promise.race([sockets.idle(), shutdown.deadline]);
}

async function runStdio(opener: StreamOpener, context: TunnelContext, shutdown: Shutdown): Promise<void> {
  const stream = await openForStdio(opener, shutdown.signal);
  if (stream === undefined) return;
  context.reporter.event({ event: 'stream', state: 'open', stream: 1, peer: stream.connection.peerId });
  const cutShort = shutdown.deadline.then(() => {
    stream.abort();
    throw new SealaneError('ERR_ABORTED', 'the stream was still open when the time to stop was over');
  });
  cutShort.catch(() => {});
  await Promise.race([pipeStdio(stream), cutShort]);
  context.reporter.event({ event: 'stream', state: 'closed', stream: 1, peer: stream.connection.peerId });
}

/**
 * Undefined if the program was told to stop first. A stream keeps the signal that it was opened with and ends with it;
 * the time to reach the owner must not end a stream that is open, and a stop lets it end in good order.
 */
async function openForStdio(opener: StreamOpener, stop: AbortSignal): Promise<SecureStream | undefined> {
  const limit = new AbortController();
  const giveUp = (): void => limit.abort();
  const timer = setTimeout(giveUp, localWaitMs);
  stop.addEventListener('abort', giveUp);
  if (stop.aborted) giveUp();
  try {
    return await opener.open(limit.signal);
  } catch (error) {
    if (stop.aborted) return undefined;
    if (!limit.signal.aborted) throw error;
    throw new SealaneError('ERR_LINK_TIMEOUT', `the other side was not reached within ${localWaitMs / 1000} s`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', giveUp);
  }
}

function parseWhere(options: ConnectOptions): ListenAddress | 'stdio' {
  if (options.stdio === true && options.listen === undefined) return 'stdio';
  if (options.listen === undefined || options.stdio === true)
    throw usageError('give one of --listen HOST:PORT, --listen unix:/path and --stdio');
  return parseListenAddress(options.listen);
}

/** As short as the user may have written it. */
function nameOf({ id, name, service }: SealaneAddress): string {
  return `${name ?? `${id?.slice(0, 8)}..${id?.slice(-4)}`}${service === undefined || service === '' ? '' : `/${service}`}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return untilAborted(new Promise<never>(() => {}), signal).catch(() => {});
}
