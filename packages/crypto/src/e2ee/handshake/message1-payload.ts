import { isService, ProtocolSize, SealaneError, Suite } from '@sealane/types';
import { utf8 } from '../../primitives/bytes.js';
import { ByteReader, ByteWriter, isWellFormed } from '../bytes.js';
import { assertParameters, readParameters, type SessionParameters, writeParameters } from '../session-parameters.js';
import { readTlvs, writeTlvs } from './tlv.js';

/** Payloads are padded to a multiple of this, so that their length tells little about what is in them. */
export const PADDED_TO_BYTES = 256;
const MAX_SUITES = 16;
/** TLV: an owner's ticket, whole. An owner that knows none leaves it out. */
const TICKET = 1;
const code = 'ERR_E2EE_HANDSHAKE';

/** What the dialer says in message 1 (v1.md, "Message 1"). */
export interface Message1Payload {
  readonly keycert: Uint8Array;
  readonly service: string;
  readonly alpn: readonly string[];
  /** Every suite that the dialer would use; numbers of later versions may be among them. */
  readonly suites: readonly number[];
  /** 1,184 bytes in suite 2, none in suite 1. */
  readonly kemPublicKey: Uint8Array;
  readonly parameters: SessionParameters;
  /** As shown, 1 to 512 bytes: not read yet. */
  readonly ticket?: Uint8Array | undefined;
}

export function encodeMessage1Payload(payload: Message1Payload): Uint8Array {
  const { keycert, suites, kemPublicKey, parameters, ticket } = payload;
  const service = utf8(payload.service);
  const alpn = payload.alpn.map(utf8);
  const length =
    ProtocolSize.KEYCERT +
    (1 + service.length) +
    (1 + alpn.reduce((sum, protocol) => sum + 1 + protocol.length, 0)) +
    (1 + suites.length) +
    (2 + kemPublicKey.length) +
    16 +
    (ticket === undefined ? 0 : 4 + ticket.length);
  const writer = new ByteWriter(Math.ceil(length / PADDED_TO_BYTES) * PADDED_TO_BYTES);
  writer.put(keycert);
  writer.u8(service.length);
  writer.put(service);
  writer.u8(alpn.length);
  for (const protocol of alpn) {
    writer.u8(protocol.length);
    writer.put(protocol);
  }
  writer.u8(suites.length);
  for (const suite of suites) writer.u8(suite);
  writer.u16(kemPublicKey.length);
  writer.put(kemPublicKey);
  writeParameters(writer, parameters);
  if (ticket !== undefined) writeTlvs(writer, [{ type: TICKET, value: ticket }]);
  return writer.bytes;
}

/** Throws ERR_E2EE_HANDSHAKE for anything that a correct dialer would not send in this suite. */
export function parseMessage1Payload(bytes: Uint8Array, suite: Suite): Message1Payload {
  const reader = new ByteReader(bytes, code);
  if (bytes.length % PADDED_TO_BYTES !== 0) reader.fail('message 1 has a wrong length');
  const keycert = reader.bytes(ProtocolSize.KEYCERT).slice();
  const service = decodeText(reader, reader.u8(), ProtocolSize.SERVICE);
  if (!isService(service)) reader.fail('message 1 names no service');
  const alpn = Array.from({ length: countWithin(reader, 1, ProtocolSize.ALPN_COUNT) }, () =>
    readProtocol(reader, reader.u8()),
  );
  const suites = Array.from({ length: countWithin(reader, 1, MAX_SUITES) }, () => reader.u8());
  if (!suites.includes(suite)) reader.fail('message 1 does not list its own suite');
  const kemPublicKey = reader.bytes(reader.u16()).slice();
  if (kemPublicKey.length !== (suite === Suite.HYBRID ? ProtocolSize.KEM_PUBLIC_KEY : 0)) {
    reader.fail('message 1 has a KEM key of the wrong length');
  }
  const parameters = readParameters(reader);
  assertParameters(parameters, code);
  const ticket = readTlvs(reader, [TICKET])[0]?.value.slice();
  if (ticket !== undefined && (ticket.length < 1 || ticket.length > ProtocolSize.PROOF)) {
    reader.fail('message 1 has a ticket of a wrong length');
  }
  return { keycert, service, alpn, suites, kemPublicKey, parameters, ticket };
}

/** ERR_ARGUMENT unless the list has 1 to 16 protocols of 1 to 64 bytes. */
export function assertAlpn(alpn: readonly string[]): void {
  const isValid = (protocol: string): boolean => {
    const { length } = utf8(protocol);
    return length >= 1 && length <= ProtocolSize.ALPN && isWellFormed(protocol);
  };
  if (alpn.length < 1 || alpn.length > ProtocolSize.ALPN_COUNT || !alpn.every(isValid)) {
    throw new SealaneError('ERR_ARGUMENT', 'the ALPN list has 1 to 16 protocols of 1 to 64 bytes');
  }
}

/** A protocol name: 1 to 64 bytes of UTF-8. */
export function readProtocol(reader: ByteReader, length: number): string {
  if (length === 0) reader.fail('an empty ALPN protocol');
  return decodeText(reader, length, ProtocolSize.ALPN);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(reader: ByteReader, length: number, most: number): string {
  if (length > most) reader.fail('a text is too long');
  const bytes = reader.bytes(length);
  try {
    return decoder.decode(bytes);
  } catch {
    return reader.fail('a text is not UTF-8');
  }
}

function countWithin(reader: ByteReader, least: number, most: number): number {
  const count = reader.u8();
  if (count < least || count > most) reader.fail('a list has a wrong number of entries');
  return count;
}
