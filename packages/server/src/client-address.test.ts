import { describe, expect, it } from 'vitest';
import { requestAddress, tcpAddress } from './client-address.js';

describe('client address', () => {
  it('counts an IPv6 network of 64 bits as one address, however it is written', () => {
    expect(tcpAddress('2001:db8:1:2:3:4:5:6').key).toBe('2001:db8:1:2::/64');
    expect(tcpAddress('2001:0DB8:1:2::9').key).toBe('2001:db8:1:2::/64');
    expect(tcpAddress('2001:db8::1').key).toBe('2001:db8:0:0::/64');
    expect(tcpAddress('fe80::1%eth0').key).toBe('fe80:0:0:0::/64');
  });

  it('takes an IPv4 address inside IPv6 for the IPv4 address', () => {
    expect(tcpAddress('::ffff:192.0.2.7')).toEqual({ key: '192.0.2.7', exempt: false });
    expect(tcpAddress('::ffff:127.0.0.1').exempt).toBe(true);
  });

  it('exempts the machine itself, but nothing that a proxy passed on', () => {
    expect(requestAddress('127.0.0.1', {}).exempt).toBe(true);
    expect(requestAddress('::1', {}).exempt).toBe(true);
    expect(requestAddress('127.0.0.1', { 'x-forwarded-for': '192.0.2.1' })).toEqual({
      key: '192.0.2.1',
      exempt: false,
    });
    expect(requestAddress('::1', { forwarded: 'for=unknown' })).toEqual({ key: 'via 0:0:0:0::/64', exempt: false });
  });

  it('believes only the element that the proxy beside it appended', () => {
    const headers = { 'x-forwarded-for': '127.0.0.1, 198.51.100.4' };
    expect(requestAddress('127.0.0.1', headers).key).toBe('198.51.100.4');
    expect(requestAddress('127.0.0.1', { forwarded: 'for=10.0.0.1, for="[2001:db8:9::1]:4711";proto=https' }).key).toBe(
      '2001:db8:9:0::/64',
    );
  });

  it('does not believe a header of a client that is no proxy of this machine', () => {
    expect(requestAddress('192.0.2.9', { 'x-forwarded-for': '127.0.0.1' })).toEqual({
      key: '192.0.2.9',
      exempt: false,
    });
  });

  it('counts a loopback address that a proxy names', () => {
    expect(requestAddress('127.0.0.1', { 'x-forwarded-for': '::1' }).exempt).toBe(false);
  });
});
