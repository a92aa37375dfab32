import { describe, expect, it } from 'vitest';
import { parseListenAddress, parseTarget } from './target.js';

describe('TARGET', () => {
  it('takes a port, which is a local one by IPv4 and then IPv6', () => {
    expect(parseTarget('8080')).toEqual({ kind: 'tcp', hosts: ['127.0.0.1', '::1'], port: 8080 });
  });

  it.each([
    ['db.local:5432', 'db.local', 5432],
    ['tcp://10.0.0.1:80', '10.0.0.1', 80],
    ['[::1]:22', '::1', 22],
    ['tcp://[fe80::1]:443', 'fe80::1', 443],
  ])('takes %s', (text, host, port) => {
    expect(parseTarget(text)).toEqual({ kind: 'tcp', hosts: [host], port });
  });

  it('takes a unix socket', () => {
    expect(parseTarget('unix:/run/app.sock')).toEqual({ kind: 'unix', path: '/run/app.sock' });
  });

  it.each([
    '',
    '0',
    '65536',
    'host',
    'host:0',
    'host:99999',
    '::1:80',
    '[::1]',
    '[nonsense]:80',
    'udp://h:1',
    'unix:rel',
    'http://h:80',
    'a b:80',
    'h:80/x',
  ])('refuses "%s" as wrong usage', (text) => {
    expect(() => parseTarget(text)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', details: { usage: true } }),
    );
  });

  it('refuses a unix path that the system would cut', () => {
    expect(() => parseTarget(`unix:/${'a'.repeat(108)}`)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });
});

describe('address to listen on', () => {
  it.each([
    ['127.0.0.1:0', { kind: 'tcp', host: '127.0.0.1', port: 0 }],
    ['[::1]:0', { kind: 'tcp', host: '::1', port: 0 }],
    ['5000', { kind: 'tcp', host: '127.0.0.1', port: 5000 }],
    ['localhost:80', { kind: 'tcp', host: 'localhost', port: 80 }],
    ['unix:/tmp/s', { kind: 'unix', path: '/tmp/s' }],
  ])('takes %s', (text, expected) => {
    expect(parseListenAddress(text)).toEqual(expected);
  });

  it.each(['', 'host', '1.2.3.4:70000', '::1:0', 'unix:s'])('refuses "%s" as wrong usage', (text) => {
    expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ details: { usage: true } }));
  });
});
