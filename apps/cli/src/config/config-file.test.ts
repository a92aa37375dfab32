import { describe, expect, it } from 'vitest';
import { loadConfigFile, parseConfig } from './config-file.js';

describe('configuration file', () => {
  it('gives the known keys, with paths relative to its directory', () => {
    expect(
      parseConfig('{"relay":"wss://r.example","identity":"me.json","ca":"/etc/ca.pem"}', '/home/u/config.json'),
    ).toEqual({
      relay: 'wss://r.example',
      identity: '/home/u/me.json',
      ca: '/etc/ca.pem',
    });
  });

  it.each([
    ['{', 'is not JSON'],
    ['[]', 'one JSON object'],
    ['{"relais":"x"}', 'is not known'],
    ['{"relay":1}', 'must be a text'],
  ])('refuses %s with ERR_CONFIG', (text, reason) => {
    expect(() => parseConfig(text, '/c.json')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining(reason) }),
    );
  });

  it('is empty when there is no file', async () => {
    expect(await loadConfigFile('/nonexistent/sealane/config.json')).toEqual({});
  });
});
