import { SealaneError } from '@sealane/types';
import { type IpAddress, unmapIpAddress } from './policy/ip-address.js';

/** What a proxy wrote before the bytes of a connection (PROXY protocol, version 2). */
export interface ProxyHeader {
  /** Bytes of the whole header. */
  readonly bytes: number;
  /** Who connected to the proxy; undefined if it does not say (LOCAL, UNSPEC, a socket of the machine). */
  readonly source: IpAddress | undefined;
}

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const FIXED_BYTES = 16;
/** What follows the fixed part. Proxies send addresses and a few TLVs; the largest is a certificate's name. */
const MAX_REST_BYTES = 2_048;

const Command = { LOCAL: 0, PROXY: 1 } as const;

/** By family: bytes of the addresses, and those of them that are the source's, which comes first. */
const families: readonly (readonly [bytes: number, sourceBytes: number])[] = [
  // AF_UNSPEC
  [0, 0],
  // AF_INET: two addresses and two ports
  [12, 4],
  // AF_INET6
  [36, 16],
  // AF_UNIX: two paths
  [216, 0],
];
const STREAM = 1;
const TLV_HEAD_BYTES = 3;

/** True if `input` begins as a header of version 2 does, as far as it goes; an empty input is none. */
export function startsAsProxyHeader(input: Uint8Array): boolean {
  if (input.length === 0) return false;
  return input.subarray(0, SIGNATURE.length).every((byte, i) => byte === SIGNATURE[i]);
}

/**
 * The header at the beginning of `input`, or undefined while it is not whole. Every byte of it must make sense; what is
 * behind it is not looked at. Nothing is kept of `input`.
 * @throws ERR_PROTOCOL_MESSAGE as soon as what came cannot become a header
 */
export function parseProxyHeader(input: Uint8Array): ProxyHeader | undefined {
  if (input.length > 0 && !startsAsProxyHeader(input))
    throw malformed('it does not begin with the signature of version 2');
  const version = input[12];
  if (version === undefined) return undefined;
  const command = version & 0x0f;
  if (version >> 4 !== 2 || command > Command.PROXY) throw malformed('its version or command is unknown');
  const familyAndProtocol = input[13];
  if (familyAndProtocol === undefined) return undefined;
  // LOCAL is about no connection, so its families are not looked at (section 2.2).
  const family = families[command === Command.LOCAL ? 0 : familyAndProtocol >> 4];
  const protocol = familyAndProtocol & 0x0f;
  if (family === undefined) throw malformed('its family is unknown');
  const [addressBytes, sourceBytes] = family;
  if (command === Command.PROXY && familyAndProtocol !== 0 && protocol !== STREAM) {
    throw malformed('it is about no stream');
  }
  if (input.length < FIXED_BYTES) return undefined;
  const restBytes = ((input[14] ?? 0) << 8) | (input[15] ?? 0);
  if (restBytes > MAX_REST_BYTES) throw malformed('it is too long');
  if (command === Command.PROXY && restBytes < addressBytes) throw malformed('it is too short');
  const bytes = FIXED_BYTES + restBytes;
  if (input.length < bytes) return undefined;
  if (command === Command.LOCAL) return { bytes, source: undefined };
  assertTlvs(input.subarray(FIXED_BYTES + addressBytes, bytes));
  if (sourceBytes === 0) return { bytes, source: undefined };
  return { bytes, source: unmapIpAddress(input.slice(FIXED_BYTES, FIXED_BYTES + sourceBytes)) };
}

/** `type u8 | length u16 | value`, one after another, to the last byte. */
function assertTlvs(tlvs: Uint8Array): void {
  let offset = 0;
  while (offset < tlvs.length) {
    offset += TLV_HEAD_BYTES + (((tlvs[offset + 1] ?? 0) << 8) | (tlvs[offset + 2] ?? 0));
  }
  if (offset > tlvs.length) throw malformed('a TLV is cut short');
}

function malformed(text: string): SealaneError {
  return new SealaneError('ERR_PROTOCOL_MESSAGE', `the PROXY header is malformed: ${text}`);
}
