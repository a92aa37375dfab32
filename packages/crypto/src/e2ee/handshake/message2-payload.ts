import { OwnerCode, ProtocolSize } from '@sealane/types';
import { utf8 } from '../../primitives/bytes.js';
import { ByteReader, ByteWriter, isZero } from '../bytes.js';
import { assertParameters, readParameters, type SessionParameters, writeParameters } from '../session-parameters.js';
import { PADDED_TO_BYTES, readProtocol } from './message1-payload.js';
import { readTlvs, writeTlvs } from './tlv.js';

/** TLV of a refusal: a reason for people, UTF-8. */
const REASON = 1;
/** TLV of a refusal for old keys: the newer keycert of the dialer that the owner has seen. It leaves no room for a reason. */
const NEWER_KEYCERT = 2;
/** Longest reason, bytes. With it a refusal still has the length of an acceptance. */
export const MAX_REASON_BYTES = 96;
const FIXED_AFTER_CODE_BYTES = 1 + ProtocolSize.ALPN + 16 + ProtocolSize.INSTANCE;
const code = 'ERR_E2EE_HANDSHAKE';

export interface Acceptance {
  readonly code: typeof OwnerCode.OK;
  readonly alpn: string;
  readonly parameters: SessionParameters;
  readonly instance: Uint8Array;
}

export interface Refusal {
  /** Any number but OK; ones of later versions may be among them. */
  readonly code: number;
  readonly reason: string | undefined;
  /** Not verified yet: the dialer's own keycert of a higher epoch. */
  readonly newerKeycert?: Uint8Array | undefined;
}

/** Always 256 bytes: nobody on the way can tell a refusal from an acceptance. */
export function encodeAcceptance(acceptance: Omit<Acceptance, 'code'>): Uint8Array {
  const writer = new ByteWriter(PADDED_TO_BYTES);
  const alpn = utf8(acceptance.alpn);
  writer.u16(OwnerCode.OK);
  writer.u8(alpn.length);
  writer.put(alpn);
  writer.skip(ProtocolSize.ALPN - alpn.length);
  writeParameters(writer, acceptance.parameters);
  writer.put(acceptance.instance);
  return writer.bytes;
}

/** A reason that is too long is cut at a character. With a keycert it is left out. */
export function encodeRefusal(refusalCode: number, reason: string | undefined, newerKeycert?: Uint8Array): Uint8Array {
  const writer = new ByteWriter(PADDED_TO_BYTES);
  writer.u16(refusalCode);
  writer.skip(FIXED_AFTER_CODE_BYTES);
  if (newerKeycert !== undefined) {
    writeTlvs(writer, [{ type: NEWER_KEYCERT, value: newerKeycert }]);
  } else if (reason) {
    const value = new Uint8Array(MAX_REASON_BYTES);
    const { written } = new TextEncoder().encodeInto(reason, value);
    writeTlvs(writer, [{ type: REASON, value: value.subarray(0, written) }]);
  }
  return writer.bytes;
}

/** Throws ERR_E2EE_HANDSHAKE for anything that a correct owner would not send. */
export function parseMessage2Payload(bytes: Uint8Array): Acceptance | Refusal {
  const reader = new ByteReader(bytes, code);
  if (bytes.length % PADDED_TO_BYTES !== 0) reader.fail('message 2 has a wrong length');
  const answer = reader.u16();
  if (answer !== OwnerCode.OK) {
    if (!isZero(reader.bytes(FIXED_AFTER_CODE_BYTES))) reader.fail('a refusal says more than its code');
    const tlvs = readTlvs(reader, [REASON, NEWER_KEYCERT]);
    const reason = tlvs.find(({ type }) => type === REASON);
    const newerKeycert = tlvs.find(({ type }) => type === NEWER_KEYCERT)?.value.slice();
    return { code: answer, reason: reason && readReason(reader, reason.value), newerKeycert };
  }
  const alpnLength = reader.u8();
  const slot = reader.bytes(ProtocolSize.ALPN);
  if (alpnLength > ProtocolSize.ALPN || !isZero(slot.subarray(alpnLength))) reader.fail('a wrong ALPN field');
  const alpn = readProtocol(new ByteReader(slot.subarray(0, alpnLength), code), alpnLength);
  const parameters = readParameters(reader);
  assertParameters(parameters, code);
  const instance = reader.bytes(ProtocolSize.INSTANCE).slice();
  readTlvs(reader, []);
  return { code: OwnerCode.OK, alpn, parameters, instance };
}

/** Control characters become spaces: the reason may be printed on a terminal. */
function readReason(reader: ByteReader, bytes: Uint8Array): string {
  if (bytes.length > MAX_REASON_BYTES) reader.fail('a reason that is too long');
  return new TextDecoder().decode(bytes).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
