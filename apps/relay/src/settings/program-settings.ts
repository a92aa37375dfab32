import { isSealaneError } from '@sealane/types';
import { parseListenAddress } from '../listen-address.js';
import { countSetting, listSetting, type Setting, switchSetting, textSetting } from './setting.js';

/** What the process is, as opposed to what clients may do. */
export const programSettings: {
  readonly listen: Setting<string | undefined>;
  readonly dataDir: Setting<string | undefined>;
  readonly json: Setting<boolean>;
  readonly open: Setting<boolean>;
  readonly authorities: Setting<readonly string[]>;
  readonly listing: Setting<boolean>;
  readonly auditMaxEntries: Setting<number>;
} = {
  listen: textSetting<string | undefined>({
    path: 'listen',
    default: undefined,
    meaning: 'address to listen on, HOST:PORT; IPv6 in brackets, port 0 picks a free one',
    applies: 'restart',
    flag: '--listen HOST:PORT',
    check: (text) =>
      isListenAddress(text)
        ? undefined
        : `is ${JSON.stringify(text)}; write HOST:PORT, for example 127.0.0.1:8787 or [::1]:0`,
  }),
  dataDir: textSetting<string | undefined>({
    path: 'dataDir',
    default: undefined,
    meaning: "directory of the relay's identity and database; made if missing, for one relay at a time",
    applies: 'restart',
    flag: '--data-dir DIR',
    check: (text) => (text.trim() === '' ? 'is empty' : undefined),
  }),
  json: switchSetting({
    path: 'json',
    default: false,
    meaning: 'every line on standard output is one JSON object',
    applies: 'restart',
    flag: '--json',
  }),
  open: switchSetting({
    path: 'open',
    default: false,
    meaning: 'lets anybody use the relay, on an address that others can reach',
    applies: 'restart',
    flag: '--open',
  }),
  authorities: listSetting({
    path: 'authorities',
    default: [],
    meaning: 'addresses host:port under which clients know this relay; without any, every address is taken',
    applies: 'restart',
    flag: '--authority HOST:PORT',
    check: (text) => (/^[^\s/]+:\d{1,5}$/.test(text) ? undefined : `has ${JSON.stringify(text)}; write host:port`),
  }),
  listing: switchSetting({
    path: 'listing',
    default: true,
    meaning: 'lists the leases that their owners made public',
    applies: 'restart',
    flag: '--no-list',
  }),
  auditMaxEntries: countSetting({
    path: 'audit.maxEntries',
    default: 100_000,
    meaning: 'entries of the audit log that are kept; the oldest go first',
    applies: 'live',
    min: 100,
    max: 10_000_000,
  }),
};

function isListenAddress(text: string): boolean {
  try {
    parseListenAddress(text);
    return true;
  } catch (error) {
    if (isSealaneError(error)) return false;
    throw error;
  }
}
