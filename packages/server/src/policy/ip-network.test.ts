import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpAddress, parseIpAddress } from './ip-address.js';
import { formatNetwork, NetworkTable, networkOf, parseNetwork } from './ip-network.js';

const address = (text: string) => {
  const parsed = parseIpAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
};

describe('addresses', () => {
  it('are read and written as the platform does', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const bytes = address(text);
        const written = formatIpAddress(bytes);
        expect(isIPv4(written) || isIPv6(written)).toBe(true);
        expect(address(written)).toEqual(bytes);
        if (bytes.length === 16) expect(new URL(`http://[${text}]/`).hostname).toBe(`[${written}]`);
      }),
    );
  });

  it('are nothing else', () => {
    for (const text of [
      '',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      '01.2.3.4',
      ':::',
      '1::2::3',
      '[::1]',
      '1.2.3.4/8',
      ' 1.2.3.4',
    ]) {
      expect(parseIpAddress(text)).toBeUndefined();
    }
  });
});

describe('networks', () => {
  it.each([
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.1', '192.0.2.1/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['::/0', '::/0'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['::ffff:10.0.0.1', '10.0.0.1/32'],
  ])('%s is %s', (text, canonical) => {
    expect(formatNetwork(parseNetwork(text))).toBe(canonical);
  });

  it.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/8a',
    '::/129',
    '::ffff:10.0.0.0/8',
    'fe80::%eth0/64',
    'localhost',
    '10/8',
  ])('%j is none', (text) => {
    expect(() => parseNetwork(text)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });

  it('with bits beyond the prefix are a mistake, and the error says what to write', () => {
    expect(() => parseNetwork('10.1.2.3/8')).toThrow('write 10.0.0.0/8');
    expect(() => parseNetwork('2001:db8::1/64')).toThrow('write 2001:db8::/64');
  });

  it('hold an address exactly if its first bits are theirs', () => {
    const bits = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(128)), { maxLength: 20 }),
        fc.oneof(fc.ipV4(), fc.ipV6()),
        (networks, text) => {
          const table = new NetworkTable<number>();
          const all = networks.map(([base, length]) => {
            const bytes = address(base);
            return networkOf(bytes, Math.min(length, bytes.length * 8));
          });
          for (const [i, network] of all.entries()) table.set(network, i);
          const asked = all[0]?.address ?? address(text);
          for (const ip of [asked, address(text)]) {
            const expected = all.some(
              (network) =>
                network.address.length === ip.length &&
                bits(network.address).slice(0, network.bits) === bits(ip).slice(0, network.bits),
            );
            expect(table.has(ip)).toBe(expected);
          }
          for (const network of all) table.delete(network);
          expect([table.size, table.has(asked)]).toEqual([0, false]);
        },
      ),
    );
  });
});
