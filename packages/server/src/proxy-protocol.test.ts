import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProxyHeader, startsAsProxyHeader } from './proxy-protocol.js';

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);

function header(first: number, family: number, rest: Uint8Array, length = rest.length): Uint8Array {
  return Uint8Array.of(...SIGNATURE, first, family, length >> 8, length & 0xff, ...rest);
}

const ipv4 = Uint8Array.of(203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x34, 0x01, 0xbb);
const ipv6 = Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, ...new Uint8Array(11), 7, ...new Uint8Array(16), 1, 2, 3, 4);

describe('PROXY data of version 2', () => {
  it('names the source of IPv4 and IPv6, also of IPv4 within IPv6', () => {
    expect(parseProxyHeader(header(0x21, 0x11, ipv4))).toEqual({ bytes: 28, source: Uint8Array.of(203, 0, 113, 9) });
    expect(parseProxyHeader(header(0x21, 0x21, ipv6))).toEqual({ bytes: 52, source: ipv6.slice(0, 16) });
    const mapped = Uint8Array.of(...new Uint8Array(10), 0xff, 0xff, 203, 0, 113, 9, ...new Uint8Array(20));
    expect(parseProxyHeader(header(0x21, 0x21, mapped))?.source).toEqual(Uint8Array.of(203, 0, 113, 9));
  });

  it.each([
    ['LOCAL', header(0x20, 0x00, new Uint8Array(0))],
    ['LOCAL with an address, which is not looked at', header(0x20, 0x11, ipv4)],
    ['LOCAL of an unknown family', header(0x20, 0x41, ipv4)],
    ['LOCAL with anything behind it', header(0x20, 0x11, Uint8Array.of(1, 2, 3))],
    ['UNSPEC', header(0x21, 0x00, new Uint8Array(0))],
    ['a socket of the machine', header(0x21, 0x31, new Uint8Array(216))],
  ])('names nobody: %s', (_what, bytes) => {
    expect(parseProxyHeader(bytes)).toEqual({ bytes: bytes.length, source: undefined });
  });

  it('ends where it says, whatever comes behind it', () => {
    const tlvs = Uint8Array.of(...ipv4, 0x04, 0, 2, 9, 9, 0xea, 0, 0);
    const bytes = header(0x21, 0x11, tlvs);
    expect(parseProxyHeader(Uint8Array.of(...bytes, 0x47, 0x45, 0x54))?.bytes).toBe(bytes.length);
  });

  it.each([
    ['a wrong signature', Uint8Array.of(...SIGNATURE.subarray(0, 11), 0x0b, 0x21, 0x11, 0, 12, ...ipv4)],
    ['text', new TextEncoder().encode('GET / HTTP/1.1\r\n')],
    ['version 1', header(0x11, 0x11, ipv4)],
    ['version 3', header(0x31, 0x11, ipv4)],
    ['an unknown command', header(0x22, 0x11, ipv4)],
    ['an unknown family', header(0x21, 0x41, ipv4)],
    ['datagrams', header(0x21, 0x12, ipv4)],
    ['an unknown protocol', header(0x21, 0x13, ipv4)],
    ['a family without a protocol', header(0x21, 0x10, ipv4)],
    ['too few bytes for IPv4', header(0x21, 0x11, ipv4.subarray(0, 11))],
    ['too few bytes for IPv6', header(0x21, 0x21, ipv6.subarray(0, 35))],
    ['too few bytes for paths', header(0x21, 0x31, new Uint8Array(215))],
    ['more than 2 KiB', header(0x21, 0x11, ipv4, 2_049)],
    ['a TLV without its length', header(0x21, 0x11, Uint8Array.of(...ipv4, 1, 0))],
    ['a TLV longer than the header', header(0x21, 0x11, Uint8Array.of(...ipv4, 1, 0, 2, 9))],
    ['a TLV with the longest length', header(0x21, 0x11, Uint8Array.of(...ipv4, 1, 0xff, 0xff))],
  ])('is refused with %s, in pieces too, and before its end where that is plain', (_what, bytes) => {
    const refused = expect.objectContaining({ code: 'ERR_PROTOCOL_MESSAGE' });
    expect(() => parseProxyHeader(bytes)).toThrow(refused);
    expect(() => {
      for (let end = 0; end <= bytes.length; end++) {
        if (parseProxyHeader(bytes.subarray(0, end)) !== undefined) throw new Error('it was taken');
      }
    }).toThrow(refused);
  });

  it('is not whole before its last byte', () => {
    const bytes = header(0x21, 0x21, Uint8Array.of(...ipv6, 0x05, 0, 1, 7));
    for (let end = 0; end < bytes.length; end++) expect(parseProxyHeader(bytes.subarray(0, end))).toBeUndefined();
    expect(parseProxyHeader(bytes)?.bytes).toBe(bytes.length);
    expect([startsAsProxyHeader(new Uint8Array(0)), startsAsProxyHeader(bytes.subarray(0, 3))]).toEqual([false, true]);
  });

  it('never takes more than it may, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(3), fc.nat(255), (rest, command, family) => {
        const bytes = header(0x20 | command, family, rest);
        try {
          expect(parseProxyHeader(bytes)?.bytes).toBe(bytes.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_PROTOCOL_MESSAGE' });
        }
      }),
    );
  });
});
