import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatRelayUrl, parseRelayUrl, type RelayLocation, type ResumptionOptions } from '@sealane/client';
import { parseEnrolmentToken } from '@sealane/client/ticket';
import { loadCrypto } from '@sealane/crypto';
import type { KeyFileWatcher } from '@sealane/crypto/key-file';
import { SealaneError } from '@sealane/types';
import type { LinkOptions } from '../commands/options.js';
import type { LiveScreen } from '../live/live-screen.js';
import { asUsageError, usageError } from '../output/error-line.js';
import type { CliEvent } from '../output/events.js';
import { createOnlyTrouble } from '../output/only-trouble.js';
import { createReporter, type OutputOptions, type Reporter } from '../output/reporter.js';
import { KnownPeers } from '../peers/known-peers.js';
import { knownPeersPath } from '../peers/peers-commands.js';
import { loadConfigFile } from './config-file.js';
import { watchIdentity } from './identity.js';
import { loadAccessSecret } from './secret-commands.js';
import { readSecretText } from './secret-text.js';

/** What expose and connect need beside their own options. */
export interface TunnelContext {
  readonly reporter: Reporter;
  readonly id: string;
  readonly credential: KeyFileWatcher;
  readonly peers: KnownPeers;
  readonly accessSecret: Uint8Array | undefined;
  /** Enrolment token of the relay. */
  readonly token: Uint8Array | undefined;
  readonly ca: string | undefined;
  readonly drainMs: number;
  /** How long a broken connection may take to come back; the library's default where the command has no option. */
  readonly resumption: ResumptionOptions;
}

export async function createTunnelContext(
  options: LinkOptions & { readonly drain?: number; readonly resume?: number },
  payloadOnStdout: boolean,
  screen?: LiveScreen,
): Promise<TunnelContext> {
  await loadCrypto();
  const json = options.json === true;
  // Whoever runs the program for its standard output wants to hear of trouble alone.
  const isQuiet = payloadOnStdout && !json && options.debug !== true;
  const output = { json, payloadOnStdout, ...(isQuiet ? { isUntold: createOnlyTrouble() } : {}) };
  const reporter = createScreenReporter(output, screen);
  const { id, source } = await watchIdentity(options.identity);
  const peers = new KnownPeers(await knownPeersPath(options.knownPeers), {
    onDamaged: (count) =>
      reporter.event({ event: 'warning', message: `${count} damaged lines in the known-peers file were skipped` }),
  });
  return {
    reporter,
    id,
    credential: source,
    peers,
    accessSecret: options.accessSecret === undefined ? undefined : await loadAccessSecret(options.accessSecret),
    token: await loadToken(options.token),
    ca: await loadAuthority(options.ca),
    drainMs: Math.round((options.drain ?? 0) * 1000),
    resumption: options.resume === undefined ? {} : { giveUpMs: Math.round(options.resume * 1000) },
  };
}

/** The enrolment token of --token, a file or the text itself; undefined where there is none. */
export async function loadToken(value: string | undefined): Promise<Uint8Array | undefined> {
  if (value === undefined) return undefined;
  try {
    return parseEnrolmentToken(await readSecretText(value, 'sealane-token-')).bytes;
  } catch (error) {
    throw asUsageError(error, '--token');
  }
}

/** With a live view everything that goes to its terminal is printed above it, and what it shows anyway is not. */
function createScreenReporter(output: OutputOptions, screen: LiveScreen | undefined): Reporter {
  if (screen === undefined) return createReporter(output);
  const stderr = process.stderr.isTTY ? screen : process.stderr;
  return createReporter({ ...output, isUntold: isInView }, screen, stderr);
}

function isInView(event: CliEvent): boolean {
  if (event.event === 'stream') return event.state !== 'reset';
  return event.event === 'session' && !('code' in event);
}

/** The relays in use: --relay, else the address's, else SEALANE_RELAY, else the configuration file's. At least one. */
export async function resolveRelays(
  options: readonly string[] | undefined,
  fromAddress: readonly RelayLocation[] = [],
): Promise<readonly string[]> {
  if (options !== undefined) return options.map((option) => checkedUrl(option, '--relay'));
  if (fromAddress.length > 0) return fromAddress.map(formatRelayUrl);
  const environment = process.env['SEALANE_RELAY'];
  if (environment !== undefined && environment !== '') return [checkedUrl(environment, 'SEALANE_RELAY')];
  const { relay } = await loadConfigFile();
  if (relay !== undefined) return [checkedUrl(relay, 'the relay in the configuration file')];
  throw usageError('no relay is given; use --relay wss://HOST, SEALANE_RELAY, or "relay" in the configuration file');
}

function checkedUrl(text: string, source: string): string {
  try {
    return formatRelayUrl(parseRelayUrl(text));
  } catch (error) {
    throw asUsageError(error, source);
  }
}

/** PEM text of the certificate authority in use: --ca, else the configuration file's; undefined for the system's. */
export async function loadAuthority(option: string | undefined): Promise<string | undefined> {
  const file = option === undefined ? (await loadConfigFile()).ca : resolve(option);
  return file === undefined ? undefined : await readAuthority(file);
}

/** Text without a certificate would be taken as "trust nobody", which nobody means. */
async function readAuthority(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    new X509Certificate(text);
    return text;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code?.startsWith('ERR_OSSL') ? 'holds no certificate in PEM' : `cannot be read: ${message}`;
    throw new SealaneError('ERR_CONFIG', `${path} ${reason}; --ca takes the file of a certificate authority`, {
      cause,
    });
  }
}
