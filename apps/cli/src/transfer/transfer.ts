import { parseAddress, type SealaneAddress } from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import { spaceOutCollections } from '@sealane/mux/node';
import { SealaneError } from '@sealane/types';
import type { TransferOptions } from '../commands/transfer-options.js';
import { loadAuthority, loadToken, resolveRelays } from '../config/context.js';
import { asUsageError, usageError } from '../output/error-line.js';
import type { CliEvent } from '../output/events.js';
import { printQr } from '../output/qr.js';
import { createReporter, type Reporter } from '../output/reporter.js';
import { createShutdown } from '../tunnel/shutdown.js';
import { DialedSessions } from './dialed-sessions.js';
import { OfferedSessions } from './offered-sessions.js';
import { Progress } from './progress.js';
import type { SessionSource } from './session-source.js';
import { TransferAlpn } from './transfer-protocol.js';

/** What send, receive and cat have in common once they run. */
export interface Transfer {
  readonly reporter: Reporter;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly source: SessionSource;
}

export interface TransferRole {
  /** The command that takes the address which this side prints. */
  readonly counterpart: 'receive' | 'send' | 'cat';
  /** Standard output carries payload. */
  readonly payloadOnStdout: boolean;
  readonly mayReturn: boolean;
  /** How long an interrupted session may take to come back. */
  readonly waitSeconds: number;
}

const ownAlpn = { receive: TransferAlpn.SEND, send: TransferAlpn.RECEIVE, cat: TransferAlpn.CAT } as const;
const peerAlpn = { receive: TransferAlpn.RECEIVE, send: TransferAlpn.SEND, cat: TransferAlpn.CAT } as const;

/** Prints a one-time address and waits at it, or with an address goes to who printed it. */
export async function startTransfer(
  addressText: string | undefined,
  options: TransferOptions,
  role: TransferRole,
): Promise<Transfer> {
  spaceOutCollections();
  await loadCrypto();
  const address = addressText === undefined ? undefined : parseOneTimeAddress(addressText);
  const urls = await resolveRelays(options.relay, address?.relays);
  const ca = await loadAuthority(options.ca);
  const token = await loadToken(options.token);
  // Lines of the course of things and the line of progress take turns on standard error.
  const stderr = lineSink(process.stderr, () => progress.clear());
  const stdout = lineSink(process.stdout, () => progress.clear());
  const loud = createReporter({ json: options.json === true, payloadOnStdout: role.payloadOnStdout }, stdout, stderr);
  const reporter: Reporter = loud.json
    ? loud
    : { json: false, event: (event) => void (isWorthTelling(event) && loud.event(event)) };
  const progress = new Progress(reporter);
  const { signal } = createShutdown(0, 1);
  const common = { urls, ca, token, reporter, signal, giveUpMs: Math.round(role.waitSeconds * 1_000) };
  if (address !== undefined) {
    const alpn = peerAlpn[role.counterpart];
    const source = await DialedSessions.create({ ...common, alpn, address });
    return { reporter, progress, signal, source };
  }
  const alpn = ownAlpn[role.counterpart];
  const source = await OfferedSessions.create({ ...common, alpn, mayReturn: role.mayReturn });
  reporter.event({ event: 'offer', command: role.counterpart, address: source.address, relay: urls[0] ?? '' });
  if (options.qr && !reporter.json) printQr(source.address, role.payloadOnStdout ? process.stderr : process.stdout);
  return { reporter, progress, signal, source };
}

/** ERR_ADDRESS_INVALID and others as wrong usage. Messages hold nothing of the text. */
function parseOneTimeAddress(text: string): SealaneAddress {
  let address: SealaneAddress;
  try {
    address = parseAddress(text);
  } catch (error) {
    throw asUsageError(error, 'ADDRESS');
  }
  if (address.id === undefined || address.accessSecret === undefined) {
    throw usageError('ADDRESS is not a one-time address; give all of what the other side printed, in quotes');
  }
  return address;
}

/** A signal that came before anything was lost is no failure of the other side. */
export function stopError(signal: AbortSignal, error: unknown): unknown {
  if (!signal.aborted) return error;
  return new SealaneError('ERR_ABORTED', 'stopped before the end; the other side was told', { cause: error });
}

/** People want to hear of the link when it is in trouble; what else it does is for programs. */
function isWorthTelling(event: CliEvent): boolean {
  return event.event !== 'status' || event.state === 'waiting' || event.state === 'interrupted';
}

interface Sink {
  readonly writableLength: number;
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

function lineSink(stream: NodeJS.WriteStream, before: () => void): Sink {
  return {
    get writableLength() {
      return stream.writableLength;
    },
    isTTY: stream.isTTY === true,
    write(text) {
      before();
      stream.write(text);
    },
  };
}
