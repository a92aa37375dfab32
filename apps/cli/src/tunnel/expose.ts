import { resolve } from 'node:path';
import { type AcceptDecision, type Listener, type ListenOptions, type PeerRequest, RelayClient } from '@sealane/client';
import { TicketGate } from '@sealane/client/ticket';
import { spaceOutCollections } from '@sealane/mux/node';
import { isService, ProtocolSize, parseName } from '@sealane/types';
import type { ExposeOptions } from '../commands/expose.js';
import { createTunnelContext, resolveRelays, type TunnelContext } from '../config/context.js';
import { ticketUsesFile } from '../config/paths.js';
import { createScreen, startLiveView } from '../live/live-view.js';
import { lookAtClient } from '../live/look-at-client.js';
import { asUsageError, toSealaneError, usageError } from '../output/error-line.js';
import { exitAfterFlush } from '../output/exit.js';
import { printQr } from '../output/qr.js';
import { createKeycertStore } from '../peers/stores.js';
import { TicketUsesFile } from '../peers/ticket-uses-file.js';
import { parseAllowEntry } from './allow-entry.js';
import { readAllowFile, watchAllowFile } from './allow-file.js';
import { AllowList } from './allow-list.js';
import { ExposeSessions } from './expose-sessions.js';
import { createShutdown, tellPeersAtEnd } from './shutdown.js';
import { reportStatus } from './status.js';
import { parseTarget } from './target.js';

/** Exposes one target until a signal, or until the relay refuses for good. */
export async function runExpose(targetText: string, options: ExposeOptions): Promise<void> {
  spaceOutCollections();
  const target = parseTarget(targetText);
  const listenOptions = parseListenOptions(options);
  const screen = createScreen(options);
  const context = await createTunnelContext(options, false, screen);
  const { reporter } = context;
  const allow = await createAllowList(options);
  const urls = await resolveRelays(options.relay);
  if (allow.isEmpty) {
    reporter.event({
      event: 'warning',
      message:
        'nobody may connect; use --allow ID (the other side prints it with "sealane id show"), --allow-file FILE, --tickets or --allow-any',
    });
  }
  const shutdown = createShutdown(context.drainMs);
  const gate = createTicketGate();
  const sessions = new ExposeSessions(target, allow, reporter);
  const client = await RelayClient.create(urls, {
    credential: context.credential,
    use: 'listen',
    knownKeycerts: createKeycertStore(context.peers, (id) => allow.names(id)),
    resumption: context.resumption,
    onStatus: reportStatus(reporter),
    ...(context.ca === undefined ? {} : { ca: context.ca }),
    ...(context.token === undefined ? {} : { token: context.token }),
  });
  tellPeersAtEnd(client);
  if (screen !== undefined) startLiveView(screen, lookAtClient(client, context.peers, `expose ${targetText}`));
  const stopWatching =
    options.allowFile === undefined ? undefined : followAllowFile(options.allowFile, allow, sessions, context);
  const lost = await serve();
  shutdown.start();
  stopWatching?.();
  reporter.event({ event: 'stopping', drainMs: context.drainMs });
  await Promise.race([client.close({ deadlineMs: context.drainMs }), shutdown.deadline]);
  if (lost !== undefined) throw lost;
  await exitAfterFlush(0);

  /** Resolves after a signal with undefined, or with the error that ended the lease for good. */
  async function serve(): Promise<unknown> {
    let listener: Listener;
    try {
      listener = await client.listen({
        ...listenOptions,
        ...(context.accessSecret === undefined ? {} : { accessSecret: context.accessSecret }),
        retry: true,
        signal: shutdown.signal,
        ...(gate === undefined ? { accept: isAllowed } : gate),
      });
    } catch (error) {
      if (shutdown.signal.aborted) return undefined;
      throw error;
    }
    reporter.event({
      event: 'ready',
      id: listener.id,
      name: listener.name,
      service: listener.service,
      relay: urls[0] ?? '',
      address: listener.address,
    });
    if (options.qr === true && !reporter.json) {
      const { isTTY, columns, rows } = process.stdout;
      const write = (text: string): unknown => (screen ?? process.stdout).write(text);
      if (!printQr(listener.address, { isTTY, columns, rows, write })) {
        const message = 'no QR code: it needs a larger terminal, with UTF-8';
        reporter.event({ event: 'warning', message });
      }
    }
    void acceptSessions(listener);
    const stopped = new Promise<undefined>((done) =>
      shutdown.signal.addEventListener('abort', () => done(undefined), { once: true }),
    );
    const lost = listener.closed.then(
      () => undefined,
      (error: unknown) => {
        reporter.event({ event: 'refused', code: toSealaneError(error).code, message: toSealaneError(error).message });
        return error;
      },
    );
    return await Promise.race([stopped, lost]);
  }

  // No event here: who asks has not confirmed yet, and may be somebody who repeats an old message.
  function isAllowed(peer: PeerRequest): AcceptDecision {
    const refusal = allow.refusal(peer);
    return refusal === undefined ? true : { deny: refusal };
  }

  function createTicketGate(): TicketGate | undefined {
    if (options.tickets !== true) return undefined;
    const uses = new TicketUsesFile(ticketUsesFile());
    return new TicketGate({ id: context.id, service: listenOptions.service ?? '', accept: isAllowed, uses });
  }

  async function acceptSessions(listener: Listener): Promise<void> {
    try {
      for await (const connection of listener) void sessions.serve(connection);
    } catch {
      // The loss of the lease is reported through `closed`.
    }
  }
}

async function createAllowList(options: ExposeOptions): Promise<AllowList> {
  const entries = (options.allow ?? []).map((text) => {
    try {
      return parseAllowEntry(text);
    } catch (error) {
      throw asUsageError(error, '--allow');
    }
  });
  // A ticket is enough where no list says who may use one.
  const isTicketEnough = options.tickets === true && entries.length === 0 && options.allowFile === undefined;
  const allow = new AllowList({ entries, anybody: options.allowAny === true || isTicketEnough });
  if (options.allowFile !== undefined) allow.replaceFileEntries(readAllowFile(resolve(options.allowFile)));
  return allow;
}

function followAllowFile(file: string, allow: AllowList, sessions: ExposeSessions, context: TunnelContext): () => void {
  return watchAllowFile(resolve(file), {
    onEntries(entries) {
      allow.replaceFileEntries(entries);
      context.reporter.event({
        event: 'status',
        state: 'allow-file',
        message: `${entries.length} identities may connect`,
      });
      sessions.endRefused();
    },
    onProblem(error) {
      const message = `the list that was read last stays in force: ${error.message}`;
      context.reporter.event({ event: 'warning', message, code: error.code });
    },
  });
}

type FixedListenOptions = Omit<
  ListenOptions,
  'accept' | 'acceptStream' | 'confirm' | 'tickets' | 'accessSecret' | 'retry' | 'signal'
>;

function parseListenOptions(options: ExposeOptions): FixedListenOptions {
  const service = options.service?.toLowerCase() ?? '';
  if (!isService(service))
    throw usageError(`"${options.service}" is not a service; use at most 63 characters a-z, 0-9 and hyphen`);
  return {
    service,
    ...(options.name === undefined ? {} : { name: checkedName(options.name) }),
    ...(options.alpn === undefined ? {} : { alpn: options.alpn }),
    ...(options.metadata === undefined ? {} : { metadata: parseMetadata(options.metadata) }),
    ...(options.public === true ? { public: true } : {}),
    ...(options.takeOver === true ? { takeOver: true } : {}),
  };
}

function checkedName(text: string): string {
  try {
    return parseName(text);
  } catch (error) {
    throw asUsageError(error, '--name');
  }
}

/** The JSON text without its spaces, as the bytes that the relay may show. */
function parseMetadata(text: string): Uint8Array {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageError(`--metadata is not JSON: ${(error as Error).message}`);
  }
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (bytes.length > ProtocolSize.METADATA)
    throw usageError(`--metadata has ${bytes.length} bytes; at most ${ProtocolSize.METADATA} are possible`);
  return bytes;
}
