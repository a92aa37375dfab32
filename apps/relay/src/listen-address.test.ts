import { describe, expect, it } from 'vitest';
import { isLoopback, parseListenAddress } from './listen-address.js';

describe('listen address', () => {
  it('is HOST:PORT, IPv6 in brackets', () => {
    expect(parseListenAddress('127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: 0 });
    expect(parseListenAddress('[::1]:8787')).toEqual({ host: '::1', port: 8787 });
    expect(parseListenAddress('relay.example:65535')).toEqual({ host: 'relay.example', port: 65_535 });
  });

  it.each(['', '8787', ':8787', '::1:8787', '[::1]', '[::1', '[nope]:1', 'a:b', 'a:65536', 'a:-1', 'a:1:2'])(
    'is not %j, and that is wrong usage',
    (text) => {
      expect(() => parseListenAddress(text)).toThrow(
        expect.objectContaining({ code: 'ERR_ARGUMENT', details: { usage: true } }),
      );
    },
  );

  it('is loopback only where no other machine can reach it', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost'].map(isLoopback)).toEqual([true, true, true, true]);
    expect(['0.0.0.0', '::', '192.0.2.1', '127.evil.example', 'relay.example'].map(isLoopback)).toEqual(
      Array.from({ length: 5 }, () => false),
    );
  });
});
