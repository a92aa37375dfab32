import { ProtocolSize } from '@sealane/types';
import { type Command, Option } from 'commander';
import { usageError } from '../output/error-line.js';

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly debug?: boolean;
}

export function addCommonOptions(command: Command): Command {
  return command
    .option('--json', 'print every line as one JSON object')
    .option('--debug', 'print stack traces of errors');
}

/** Where peers, keys and the relay come from; shared by the commands that talk to a relay. */
export interface LinkOptions extends CommonOptions {
  readonly relay?: readonly string[];
  readonly identity?: string;
  readonly accessSecret?: string;
  readonly token?: string;
  readonly alpn?: readonly string[];
  readonly knownPeers?: string;
  readonly ca?: string;
}

/** Of the commands that run until a signal comes. */
export interface RelayOptions extends LinkOptions {
  /** Seconds. */
  readonly drain: number;
  readonly resume: number;
}

export const tokenText = 'enrolment token of the relay, a file or the token itself';

export function addLinkOptions(command: Command): Command {
  return command
    .option('--relay <url>', 'relay, ws:// or wss://; a relay id after "#" pins its identity; may be repeated', collect)
    .option('--identity <file>', 'key file of this side; created at first use in the configuration directory')
    .option('--access-secret <file>', 'secret that both sides must have, made by "sealane secret new"')
    .option('--token <file>', tokenText)
    .option('--alpn <protocol>', 'application protocol, best first; may be repeated', collectAlpn)
    .option('--known-peers <file>', 'file of pinned names and known keys')
    .option('--ca <file>', 'PEM file of the certificate authority of a wss:// relay');
}

export function addTicketOption(command: Command): Command {
  return command.option('--ticket <file>', 'ticket of the owner, a file or the ticket itself');
}

export function addRelayOptions(command: Command): Command {
  return addResumeOption(addLinkOptions(command)).addOption(
    new Option('--drain <seconds>', 'time that open connections get after SIGTERM')
      .argParser((text) => parseSeconds(text, '--drain', 0))
      .default(10),
  );
}

export function addResumeOption(command: Command): Command {
  return command.addOption(
    new Option('--resume <seconds>', 'time in which a broken connection may come back; 0 turns resumption off')
      .argParser((text) => parseSeconds(text, '--resume', 0))
      .default(60),
  );
}

export function addLiveOptions(command: Command): Command {
  return command
    .option('--live', 'show links, sessions and throughput in place; the default on a terminal without NO_COLOR')
    .option('--no-live', 'print lines alone');
}

export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

function collectAlpn(value: string, previous: readonly string[] = []): string[] {
  const { length } = new TextEncoder().encode(value);
  if (length < 1 || length > ProtocolSize.ALPN)
    throw usageError(`"${value}" is no --alpn; it has 1 to ${ProtocolSize.ALPN} bytes`);
  if (previous.length >= ProtocolSize.ALPN_COUNT)
    throw usageError(`--alpn may be given at most ${ProtocolSize.ALPN_COUNT} times`);
  return [...previous, value];
}

/** Seconds from `least` to a day, with a fraction or without. */
export function parseSeconds(text: string, option: string, least: number): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds < least || seconds > 86_400)
    throw usageError(`"${text}" is not a number of seconds for ${option}`);
  return seconds;
}
