import { isService, LABEL, ProtocolSize, type RandomBytes, SealaneError, systemRandomBytes } from '@sealane/types';
import { decodeBase32, encodeBase32 } from '../credential/base32.js';
import { checksum } from '../credential/checksum.js';
import type { Identity } from '../credential/identity.js';
import { blake2b } from '../primitives/blake2b.js';
import { bytesEqual, concatBytes, utf8 } from '../primitives/bytes.js';
import { SignatureLabel } from '../signature/labels.js';
import { verify } from '../signature/signature.js';

const PREFIX = 'sealane-ticket-1:';
const VERSION = 1;
const ID_BYTES = 16;
const SECRET_BYTES = 16;
const TERMS_HASH_BYTES = 32;
const KEY = ProtocolSize.PUBLIC_KEY;
/** Everything of the open part that stands before its service. */
const FIXED_BYTES = 1 + KEY + ID_BYTES + 8 + 4 + TERMS_HASH_BYTES + 1;
const MAX_USES = 0xffff_ffff;

/** What a relay sees of a ticket: enough to turn requests away, nothing of whom it is for (v1.md, "Tickets"). */
export interface OpenTicket {
  /** The owner's public key, 32 bytes. */
  readonly owner: Uint8Array;
  /** 32 hex digits; tells tickets apart in counts and events. */
  readonly id: string;
  readonly service: string;
  /** Unix time in milliseconds after which the ticket lets nobody in. */
  readonly notAfterMs: number;
  /** Sessions that may be begun with it; 0: any number. */
  readonly uses: number;
  /** The exact bytes: what PRESENT shows. */
  readonly bytes: Uint8Array;
}

/** A whole ticket, for the owner alone to see. */
export interface Ticket extends OpenTicket {
  /** The only identity that may use it, 32 bytes; undefined: whoever bears the ticket. */
  readonly dialer: Uint8Array | undefined;
  /** The only protocol that may be asked for; undefined: any. */
  readonly alpn: string | undefined;
  /** The exact bytes of the whole: the open part, then the terms. */
  readonly whole: Uint8Array;
}

export interface TicketOptions {
  readonly service?: string;
  /** Public key of the only identity that may use it; without one whoever bears the ticket may. */
  readonly dialer?: Uint8Array | undefined;
  readonly alpn?: string | undefined;
  readonly notAfterMs: number;
  /** Default 0: any number. */
  readonly uses?: number;
  readonly random?: RandomBytes;
}

/** Signs a ticket for the service of `identity`. ERR_ARGUMENT for terms that no ticket has. */
export async function createTicket(
  identity: Pick<Identity, 'publicKey' | 'sign'>,
  options: TicketOptions,
): Promise<Ticket> {
  const { service = '', dialer, alpn, notAfterMs, uses = 0, random = systemRandomBytes } = options;
  const protocol = utf8(alpn ?? '');
  if (!isService(service)) throw unfit('the service is not one');
  if (!Number.isInteger(uses) || uses < 0 || uses > MAX_USES) throw unfit('the uses are a number from 0 to 2^32-1');
  if (!Number.isSafeInteger(notAfterMs) || notAfterMs < 0) throw unfit('the time is milliseconds since 1970');
  if (dialer !== undefined && (dialer.length !== KEY || isZero(dialer))) throw unfit('the dialer is a public key');
  if (protocol.length > ProtocolSize.ALPN || alpn === '') throw unfit('a protocol has 1 to 64 bytes');
  const terms = concatBytes([
    random(SECRET_BYTES),
    dialer ?? new Uint8Array(KEY),
    Uint8Array.of(protocol.length),
    protocol,
  ]);
  const head = new Uint8Array(FIXED_BYTES);
  const view = new DataView(head.buffer);
  head[0] = VERSION;
  head.set(identity.publicKey, 1);
  head.set(random(ID_BYTES), 1 + KEY);
  view.setBigUint64(1 + KEY + ID_BYTES, BigInt(notAfterMs));
  view.setUint32(1 + KEY + ID_BYTES + 8, uses);
  head.set(hashTerms(terms), 1 + KEY + ID_BYTES + 12);
  const name = utf8(service);
  head[FIXED_BYTES - 1] = name.length;
  const signed = concatBytes([head, name]);
  const signature = await identity.sign(SignatureLabel.TICKET, signed);
  return decodeTicket(concatBytes([signed, signature, terms]));
}

/** The open part from its exact bytes, which are copied. ERR_TICKET_INVALID for all else, a wrong signature included. */
export function decodeOpenTicket(bytes: Uint8Array): OpenTicket {
  const length = openLength(bytes);
  if (length !== bytes.length) throw invalid('the ticket has a wrong length');
  return readOpen(bytes.slice());
}

/** A whole ticket from its exact bytes, which are copied. ERR_TICKET_INVALID for all else. */
export function decodeTicket(bytes: Uint8Array): Ticket {
  const length = openLength(bytes);
  const whole = bytes.slice();
  const terms = whole.subarray(length);
  const protocolLength = terms[SECRET_BYTES + KEY];
  if (protocolLength === undefined || protocolLength > ProtocolSize.ALPN) throw invalid('the terms of the ticket end');
  if (terms.length !== SECRET_BYTES + KEY + 1 + protocolLength) throw invalid('the ticket has a wrong length');
  const open = readOpen(whole.slice(0, length));
  const hash = open.bytes.subarray(1 + KEY + ID_BYTES + 12, FIXED_BYTES - 1);
  if (!bytesEqual(hash, hashTerms(terms))) throw invalid('the terms are not those that the owner signed');
  const dialer = terms.slice(SECRET_BYTES, SECRET_BYTES + KEY);
  return {
    ...open,
    dialer: isZero(dialer) ? undefined : dialer,
    alpn: protocolLength === 0 ? undefined : decodeText(terms.subarray(SECRET_BYTES + KEY + 1)),
    whole,
  };
}

/** Text form: `sealane-ticket-1:` and the base32 of `ticket | checksum 2`. Who bears it may use it. */
export function encodeTicket({ whole }: Ticket): string {
  return PREFIX + encodeBase32(concatBytes([whole, checksum('ticket', whole)]));
}

/** Reads the text form in either case, white space around it ignored. ERR_TICKET_INVALID for all else. */
export function parseTicket(text: string): Ticket {
  const trimmed = text.trim();
  if (trimmed.slice(0, PREFIX.length).toLowerCase() !== PREFIX) throw invalid(`a ticket starts with ${PREFIX}`);
  const encoded = trimmed.slice(PREFIX.length);
  const bytes = encoded.length > 2 * ProtocolSize.PROOF ? undefined : decodeBase32(encoded);
  if (bytes === undefined || bytes.length < 3) throw invalid('the ticket has the wrong length or characters');
  const whole = bytes.subarray(0, -2);
  if (!bytesEqual(bytes.subarray(-2), checksum('ticket', whole))) throw invalid('the ticket has a typing mistake');
  return decodeTicket(whole);
}

/** Bytes of the open part that `bytes` begins with, its parts checked to be there. */
function openLength(bytes: Uint8Array): number {
  if (bytes.length > ProtocolSize.PROOF) throw invalid('the ticket is too long');
  if (bytes[0] !== VERSION) throw invalid('the ticket is of a version that is not known here');
  const serviceLength = bytes[FIXED_BYTES - 1];
  if (serviceLength === undefined || serviceLength > ProtocolSize.SERVICE) throw invalid('the ticket ends too early');
  const length = FIXED_BYTES + serviceLength + ProtocolSize.SIGNATURE;
  if (bytes.length < length) throw invalid('the ticket ends too early');
  return length;
}

function readOpen(bytes: Uint8Array): OpenTicket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const signed = bytes.subarray(0, bytes.length - ProtocolSize.SIGNATURE);
  const service = decodeText(signed.subarray(FIXED_BYTES));
  if (!isService(service)) throw invalid('the ticket names no service');
  const notAfter = view.getBigUint64(1 + KEY + ID_BYTES);
  if (notAfter > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid('the time of the ticket is too large');
  const owner = bytes.slice(1, 1 + KEY);
  if (!verify(SignatureLabel.TICKET, owner, bytes.subarray(signed.length), signed)) {
    throw invalid('the signature of the ticket does not verify');
  }
  return {
    owner,
    id: Array.from(bytes.subarray(1 + KEY, 1 + KEY + ID_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(''),
    service,
    notAfterMs: Number(notAfter),
    uses: view.getUint32(1 + KEY + ID_BYTES + 8),
    bytes,
  };
}

/** By it the open part says nothing of the terms: they hold 16 random bytes. */
function hashTerms(terms: Uint8Array): Uint8Array {
  return blake2b(TERMS_HASH_BYTES, utf8(`${LABEL}/ticket-terms`), new Uint8Array(1), terms);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw invalid('a text of the ticket is not UTF-8');
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function unfit(message: string): SealaneError {
  return new SealaneError('ERR_ARGUMENT', message);
}

/** Messages never hold any of the text. */
function invalid(message: string): SealaneError {
  return new SealaneError('ERR_TICKET_INVALID', message);
}
