import { RelayClient } from '@sealane/client';
import { type SealaneError, systemClock } from '@sealane/types';
import type { PingOptions } from '../commands/ping.js';
import { createTunnelContext, resolveRelays, type TunnelContext } from '../config/context.js';
import { loadTicket } from '../config/ticket-commands.js';
import { exitAfterFlush } from '../output/exit.js';
import type { Reporter } from '../output/reporter.js';
import { dialClientOptions, dialOptions, parseDialAddress } from '../tunnel/dial-client.js';
import { explainRefusal } from '../tunnel/explain-refusal.js';
import { createShutdown, tellPeersAtEnd } from '../tunnel/shutdown.js';
import { reportStatus } from '../tunnel/status.js';
import { traceSession } from '../tunnel/trace-session.js';
import { type Measured, Probe } from './probe.js';
import { RoundTrips, roundMs } from './round-trips.js';

const closeMs = 1_000;

/** Measures in rounds until `--count` or a signal. Ends with the error of the last round, if it had one. */
export async function runPing(addressText: string, options: PingOptions): Promise<void> {
  const { loadCrypto } = await import('@sealane/crypto');
  await loadCrypto();
  const address = parseDialAddress(addressText, options.service);
  const urls = await resolveRelays(options.relay, address.relays);
  const context = await createTunnelContext(options, false);
  const shutdown = createShutdown(closeMs);
  let failure: SealaneError | undefined;
  try {
    failure = await pingOwner(urls, { ...address, relays: [] }, options, context, shutdown.signal);
  } catch (error) {
    if (!shutdown.signal.aborted) throw error;
  }
  if (failure !== undefined && !shutdown.signal.aborted) throw failure;
  await exitAfterFlush(0);
}

async function pingOwner(
  urls: readonly string[],
  target: ReturnType<typeof parseDialAddress>,
  options: PingOptions,
  context: TunnelContext,
  signal: AbortSignal,
): Promise<SealaneError | undefined> {
  const ticket = options.ticket === undefined ? undefined : await loadTicket(options.ticket);
  const client = await RelayClient.connect(urls, {
    ...dialClientOptions(context, options.identify === true),
    // A path that breaks is what this command is there to show.
    resumption: { giveUpMs: 0 },
    onStatus: reportStatus(context.reporter),
    signal,
  });
  tellPeersAtEnd(client);
  /** The session in use: the pool dials again when the last one ended. */
  const dial = async () => {
    try {
      return await client.dial(target, { ...dialOptions(context, options.alpn, ticket), signal });
    } catch (error) {
      throw await explainRefusal(error, context.peers, target);
    }
  };
  try {
    const connection = await dial();
    const { peerId, service } = connection;
    const name = target.name === undefined ? {} : { name: target.name };
    context.reporter.event({ event: 'connected', peer: peerId, ...name, service, ...traceSession(connection) });
    const owner = new Probe({
      send: async () => await (await dial()).ping({ signal }),
      timeoutCode: 'ERR_E2EE_TIMEOUT',
    });
    const relay = new Probe({ send: () => client.ping({ signal }), timeoutCode: 'ERR_LINK_TIMEOUT' });
    return await pingRounds({ owner, relay }, options, context.reporter, signal);
  } finally {
    await client.close({ deadlineMs: closeMs });
  }
}

/** Resolves with what the last round failed with; the owner's reason comes first. */
async function pingRounds(
  probes: { readonly owner: Probe; readonly relay: Probe },
  options: PingOptions,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<SealaneError | undefined> {
  const [owners, relays] = [new RoundTrips(), new RoundTrips()];
  let last: SealaneError | undefined;
  for (let round = 1; options.count === 0 || round <= options.count; round += 1) {
    const nextMs = systemClock.nowMs() + options.interval * 1_000;
    const limitMs = options.timeout * 1_000;
    const [owner, relay] = await Promise.all([probes.owner.measure(limitMs), probes.relay.measure(limitMs)]);
    // What a signal cut short is no loss.
    if (signal.aborted) break;
    owners.add(msOf(owner) ?? undefined);
    relays.add(msOf(relay) ?? undefined);
    reporter.event({
      event: 'ping',
      round,
      ownerMs: msOf(owner),
      relayMs: msOf(relay),
      ...('error' in owner ? { ownerCode: owner.error.code } : {}),
      ...('error' in relay ? { relayCode: relay.error.code } : {}),
    });
    last = 'error' in owner ? owner.error : 'error' in relay ? relay.error : undefined;
    if (round !== options.count) await pause(nextMs - systemClock.nowMs(), signal);
    if (signal.aborted) break;
  }
  reporter.event({ event: 'ping-summary', owner: owners.summary(), relay: relays.summary() });
  return last;
}

function msOf(measured: Measured): number | null {
  return 'ms' in measured ? roundMs(measured.ms) : null;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = systemClock.schedule(Math.max(0, ms), done);
    signal.addEventListener('abort', done, { once: true });
  });
}
