import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { requestAddress, tcpAddress } from './client-address.js';
import { TrustedProxies } from './policy/trusted-proxies.js';

const trusted = new TrustedProxies(['127.0.0.1', '::1', '10.0.0.0/8', '2001:db8:ffff::/48']);
const nobody = new TrustedProxies();

const keyOf = (address: string): string => tcpAddress(address, nobody).key;
const asked = (address: string, headers: IncomingHttpHeaders, rules = trusted) =>
  requestAddress(tcpAddress(address, rules), headers, rules);
const named = (list: string): string => asked('127.0.0.1', { 'x-forwarded-for': list }).key;

describe('client address', () => {
  it('counts an IPv6 network of 64 bits as one address, however it is written', () => {
    expect(keyOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(keyOf('2001:0DB8:1:2::9')).toBe('2001:db8:1:2::/64');
    expect(keyOf('2001:db8::1')).toBe('2001:db8::/64');
    expect(keyOf('fe80::1%eth0')).toBe('fe80::/64');
    expect(keyOf('64:ff9b::1.2.3.4')).toBe('64:ff9b::/64');
  });

  it('takes an IPv4 address inside IPv6 for the IPv4 address', () => {
    expect(tcpAddress('::ffff:192.0.2.7', nobody)).toMatchObject({ key: '192.0.2.7', exempt: false });
    expect(tcpAddress('::ffff:c000:207', nobody).key).toBe('192.0.2.7');
    expect(tcpAddress('::ffff:127.0.0.1', nobody).exempt).toBe(true);
  });

  it('exempts 127.0.0.1 and ::1 only, and only if it is told so', () => {
    expect(['127.0.0.1', '::1', '0:0:0:0:0:0:0:1'].map((text) => tcpAddress(text, nobody).exempt)).toEqual([
      true,
      true,
      true,
    ]);
    for (const other of ['127.0.0.2', '::2', '10.0.0.1', '', '0.0.0.0', '::', 'localhost']) {
      expect(tcpAddress(other, nobody).exempt).toBe(false);
    }
    expect(tcpAddress('127.0.0.1', new TrustedProxies([], false)).exempt).toBe(false);
  });

  it('exempts nothing that a proxy passed on', () => {
    expect(asked('127.0.0.1', {}).exempt).toBe(true);
    for (const headers of [
      { 'x-forwarded-for': '127.0.0.1' },
      { 'x-forwarded-for': '::1' },
      { 'x-forwarded-for': '' },
      { forwarded: 'for=127.0.0.1' },
      { forwarded: '' },
    ]) {
      expect(asked('127.0.0.1', headers).exempt).toBe(false);
      expect(asked('::1', headers, nobody).exempt).toBe(false);
    }
  });

  it('believes the last element that is no trusted proxy, and nothing before it', () => {
    expect(named('127.0.0.1, 198.51.100.4')).toBe('198.51.100.4');
    expect(named('1.1.1.1, 198.51.100.4, 10.0.0.1, 10.0.0.2:80')).toBe('198.51.100.4');
    expect(named('198.51.100.4,[2001:db8:ffff::1]:443')).toBe('198.51.100.4');
    expect(named('rubbish, 2001:DB8:9::1')).toBe('2001:db8:9::/64');
  });

  it('counts a trusted proxy behind which there is nobody as a client', () => {
    expect(named('10.0.0.7')).toBe('10.0.0.7');
    expect(named('10.0.0.8, 10.0.0.7')).toBe('10.0.0.8');
  });

  it('counts under the last proxy what cannot be read', () => {
    for (const text of [
      '',
      ',',
      'unknown',
      '_hidden',
      '1.2.3',
      '1.2.3.4:123456',
      '[1.2.3.4]',
      '[::1',
      '::1]',
      '1.2.3.4.5',
    ]) {
      expect(named(text)).toBe('via 127.0.0.1');
    }
    expect(named('rubbish, 10.0.0.1')).toBe('via 10.0.0.1');
  });

  it('looks at so many proxies in a row, and no further', () => {
    expect(named(`198.51.100.4${', 10.0.0.1'.repeat(31)}`)).toBe('198.51.100.4');
    expect(named(`198.51.100.4${', 10.0.0.1'.repeat(32)}`)).toBe('10.0.0.1');
  });

  it('does not believe a header of somebody who is no trusted proxy', () => {
    expect(asked('192.0.2.9', { 'x-forwarded-for': '127.0.0.1' })).toMatchObject({ key: '192.0.2.9', exempt: false });
    expect(asked('127.0.0.1', { 'x-forwarded-for': '192.0.2.1' }, nobody)).toMatchObject({
      key: '127.0.0.1',
      exempt: false,
    });
  });
});
