import { encodeAccessSecret, encodeId, isIdLike, parseAccessSecret, parseId } from '@sealane/crypto/credential';
import { isAuthority } from '@sealane/protocol';
import { isService, parseName, SealaneError } from '@sealane/types';

export interface RelayLocation {
  /** `ws:` or `wss:` URL without fragment. */
  readonly url: string;
  /** The identity that the relay must prove. */
  readonly relayId?: string;
}

/** Where an owner is found: by id or by name, and over which relays. */
export interface SealaneAddress {
  readonly id?: string;
  readonly name?: string;
  readonly service: string;
  readonly relays: readonly RelayLocation[];
  /** Lowest epoch of the owner's keycert that is taken. */
  readonly minEpoch?: number;
  /** 32 bytes: whoever has the address can connect. Never shown anywhere but in the address itself. */
  readonly accessSecret?: Uint8Array;
}

export interface AddressParts {
  readonly id?: string;
  readonly name?: string;
  readonly service?: string;
  readonly relays?: readonly RelayLocation[];
  readonly minEpoch?: number;
  readonly accessSecret?: Uint8Array;
}

/** What {@link parseAddress} gives, or its parts. */
export type DialTarget = AddressParts;

const SCHEME = 'sealane://';
/** What stands before the first slash, and before and after the first question mark. */
const ADDRESS = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s;
const MAX_ADDRESS_LENGTH = 4_096;
/** An access secret without it, `VERSION:BASE32`, is the fragment of an address. */
const SECRET = 'sealane-secret-';

/**
 * Reads `sealane://ID-or-NAME[/SERVICE][?relay=URL][&e=EPOCH][#SECRET]`, a plain id, or a plain name, each with an
 * optional `/SERVICE`. Throws ERR_ADDRESS_INVALID, ERR_ID_INVALID, ERR_NAME_INVALID or ERR_SECRET_INVALID (v1.md,
 * "Addresses"). No message holds any of the text.
 */
export function parseAddress(text: string): SealaneAddress {
  const trimmed = text.trim();
  if (trimmed.length === 0 || trimmed.length > MAX_ADDRESS_LENGTH) throw invalid('it is empty or too long');
  const { open, accessSecret } = splitSecret(trimmed);
  const bare = isAddressText(open) ? open.slice(SCHEME.length) : open;
  if (bare.includes('://') && !bare.includes('?')) throw invalid('it starts with sealane://, an id or a name');
  const [, host = '', service = '', queryText = ''] = ADDRESS.exec(bare) ?? [];
  if (!isService(service)) throw invalid('a service has at most 63 characters a-z, 0-9 and hyphen');
  const owner = parseOwner(host);
  const query = new URLSearchParams(queryText);
  const relays = query.getAll('relay').map(parseRelayUrl);
  const minEpoch = parseEpoch(query.get('e'));
  return {
    ...owner,
    service,
    relays,
    ...(minEpoch === undefined ? {} : { minEpoch }),
    ...(accessSecret === undefined ? {} : { accessSecret }),
  };
}

/** Parts that did not come from text: an id is one, and never looked up as a name. Throws as {@link parseAddress}. */
export function checkedTarget(target: DialTarget): AddressParts {
  const { id, name } = target;
  if (id !== undefined) return { ...target, id: encodeId(parseId(id)) };
  return name === undefined ? target : { ...target, name: parseName(name) };
}

/** The text that {@link parseAddress} reads back. Throws ERR_ADDRESS_INVALID without an id or a name. */
export function formatAddress(address: AddressParts): string {
  const { accessSecret } = address;
  const secret = accessSecret === undefined ? '' : `#${encodeAccessSecret(accessSecret).slice(SECRET.length)}`;
  return formatOpenAddress(address) + secret;
}

/** The address without its secret, for who has none to give away. */
export function formatOpenAddress(address: Omit<AddressParts, 'accessSecret'>): string {
  const host = address.id ?? address.name;
  if (host === undefined) throw invalid('it needs an id or a name');
  const service = address.service ?? '';
  const query: string[] = (address.relays ?? []).map((relay) => `relay=${encodeURIComponent(formatRelayUrl(relay))}`);
  if (address.minEpoch !== undefined) query.push(`e=${address.minEpoch}`);
  return `${SCHEME}${host}${service === '' ? '' : `/${service}`}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

/** Reads `ws(s)://HOST[:PORT][/PATH][#RELAY-ID]`. Throws ERR_ADDRESS_INVALID or ERR_ID_INVALID. */
export function parseRelayUrl(text: string): RelayLocation {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw invalid('a relay is ws://HOST:PORT or wss://HOST', cause);
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') throw invalid('a relay URL starts with ws:// or wss://');
  if (url.username !== '' || url.password !== '') throw invalid('a relay URL carries no user name');
  const fragment = url.hash.slice(1);
  url.hash = '';
  // AUTH has to name it: a host that no authority may hold is refused here and not at every attempt to connect.
  if (!isAuthority(relayAuthority(url.href))) throw invalid('a relay URL names a host as ws://HOST:PORT');
  const bare = url.pathname === '/' && url.search === '' ? url.href.replace(/\/$/, '') : url.href;
  return fragment === '' ? { url: bare } : { url: bare, relayId: encodeId(parseId(fragment)) };
}

/** More relays than anybody uses at once. */
const MAX_RELAYS = 8;

/**
 * The relays of relay URLs, or of `sealane://` addresses where they are read, each once and in their order, at most 8.
 * Throws as {@link parseAddress}, and ERR_ADDRESS_INVALID where there is none or more.
 */
export function locateRelays(
  urlsOrAddresses: string | readonly string[],
  readAddress?: typeof parseAddress,
): readonly RelayLocation[] {
  const texts = typeof urlsOrAddresses === 'string' ? [urlsOrAddresses] : urlsOrAddresses;
  const found = new Map<string, RelayLocation>();
  for (const text of texts) {
    const relays = readAddress && isAddressText(text) ? readAddress(text).relays : [parseRelayUrl(text)];
    for (const relay of relays) {
      const known = found.get(relay.url);
      if (known?.relayId !== undefined && relay.relayId !== undefined && known.relayId !== relay.relayId) {
        throw invalid('it names two identities for one relay');
      }
      if (known?.relayId === undefined) found.set(relay.url, relay);
    }
  }
  if (found.size === 0) throw invalid('it names no relay');
  if (found.size > MAX_RELAYS) throw invalid(`it names more than ${MAX_RELAYS} relays`);
  return [...found.values()];
}

/** The relay as one URL, its identity as the fragment. */
export function formatRelayUrl(relay: RelayLocation): string {
  return relay.relayId === undefined ? relay.url : `${relay.url}#${relay.relayId}`;
}

/** The authority of a relay URL as AUTH names it: lower case, bracketed IPv6, no final dot, always with port. */
export function relayAuthority(url: string): string {
  const { protocol, hostname, port } = new URL(url.replace(/^ws/i, 'http'));
  const host = hostname.toLowerCase().replace(/\.$/, '');
  return `${host}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`;
}

function isAddressText(text: string): boolean {
  return text.trim().slice(0, SCHEME.length).toLowerCase() === SCHEME;
}

/** A relay's id that was not percent-encoded stands after a `#` too, but has no colon. */
function splitSecret(text: string): { readonly open: string; readonly accessSecret?: Uint8Array } {
  const [, open, secret] = /^([^#]*(?:#[^#]*)?)#([0-9]{1,4}:[^#]*)$/.exec(text) ?? [];
  if (open === undefined || secret === undefined) return { open: text };
  return { open, accessSecret: parseAccessSecret(`${SECRET}${secret}`) };
}

function parseOwner(host: string): { id: string } | { name: string } {
  if (isIdLike(host)) return { id: encodeId(parseId(host)) };
  return { name: parseName(host) };
}

function parseEpoch(text: string | null): number | undefined {
  if (text === null) return undefined;
  const epoch = Number(text);
  if (!/^[0-9]{1,10}$/.test(text) || epoch > 0xffff_ffff) throw invalid('the epoch e= is a number');
  return epoch;
}

function invalid(reason: string, cause?: unknown): SealaneError {
  return new SealaneError('ERR_ADDRESS_INVALID', `the address cannot be read: ${reason}`, { cause });
}
