import { isIPv4, isIPv6 } from 'node:net';

/** An address as 4 bytes of IPv4 or 16 of IPv6. IPv4 inside IPv6 (`::ffff:192.0.2.1`) is the IPv4 address. */
export type IpAddress = Uint8Array;

/** Undefined for what is no address. A zone (`%eth0`) is dropped. */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text)) return undefined;
  return unmapIpAddress(parseIpv6(text.split('%', 1)[0] ?? ''));
}

/** The IPv4 address where bytes of IPv6 hold one. */
export function unmapIpAddress(bytes: Uint8Array): IpAddress {
  return isMapped(bytes) ? bytes.subarray(12) : bytes;
}

/** The usual way to write it: IPv6 in lower case with its longest run of zeros left out (RFC 5952). */
export function formatIpAddress(address: IpAddress): string {
  if (address.length === 4) return address.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((address[i * 2] ?? 0) << 8) | (address[i * 2 + 1] ?? 0));
  const { start, length } = longestZeros(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** Text of the first `bits` of an address, different for every network and family. */
export function prefixKey(address: IpAddress, bits: number): string {
  let key = address.length === 4 ? '4' : '6';
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) key += String.fromCharCode(address[i] ?? 0);
  const rest = bits & 7;
  if (rest > 0) key += String.fromCharCode((address[whole] ?? 0) & (0xff00 >> rest) & 0xff);
  return key;
}

function parseIpv6(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [head = '', tail = ''] = text.split('::');
  bytes.set(groupBytes(head));
  const after = groupBytes(tail);
  bytes.set(after, 16 - after.length);
  return bytes;
}

function groupBytes(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    // A dotted tail stands for two groups.
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16) return false;
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
