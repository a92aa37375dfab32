import { loadCrypto } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import { isSealaneError } from '@sealane/types';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatAddress, formatRelayUrl, locateRelays, parseAddress, parseRelayUrl, relayAuthority } from './address.js';

let id = '';
let relayId = '';

beforeAll(async () => {
  await loadCrypto();
  id = (await Credential.create()).id;
  relayId = (await Credential.create()).id;
});

describe('parseAddress', () => {
  it('reads back what formatAddress writes', () => {
    const full = {
      id,
      service: 'web',
      relays: [{ url: 'wss://relay.example.org', relayId }, { url: 'ws://[::1]:8080/path' }],
      minEpoch: 3,
    };
    expect(parseAddress(formatAddress(full))).toEqual(full);
    expect(parseAddress(formatAddress({ name: 'shop' }))).toEqual({ name: 'shop', service: '', relays: [] });
  });

  it('carries an access secret as its fragment, beside a relay id in either form', () => {
    const accessSecret = new Uint8Array(32).fill(7);
    const address = { id, service: '', relays: [{ url: 'wss://relay.example.org', relayId }], accessSecret };
    const text = formatAddress(address);
    expect(text).toMatch(/#1:[a-z2-7]{55}$/);
    expect(parseAddress(text)).toEqual(address);
    const secret = text.slice(text.lastIndexOf('#'));
    expect(parseAddress(`sealane://${id}?relay=wss://relay.example.org#${relayId}${secret}`)).toEqual(address);
    expect(parseAddress(`sealane://${id}?relay=wss://relay.example.org#${relayId}`).accessSecret).toBeUndefined();
    expect(parseAddress(`${id}${secret}`)).toEqual({ id, service: '', relays: [], accessSecret });
  });

  it('refuses a secret with a typing mistake or of a later version, and repeats none of it', () => {
    const text = formatAddress({ id, accessSecret: new Uint8Array(32).fill(7) });
    const mistyped = text.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
    for (const changed of [mistyped, text.replace('#1:', '#2:'), text.slice(0, -3)]) {
      let message = '';
      try {
        parseAddress(changed);
      } catch (error) {
        message = isSealaneError(error, 'ERR_SECRET_INVALID') ? error.message : 'another error';
      }
      expect(message).toMatch(/^the access secret|^the .* version/);
      expect(message).not.toContain(changed.slice(-20, -4));
    }
  });

  it('takes a plain id or name, with a service or without, in any case', () => {
    expect(parseAddress(id.toUpperCase())).toEqual({ id, service: '', relays: [] });
    expect(parseAddress(`${id}/db`)).toEqual({ id, service: 'db', relays: [] });
    expect(parseAddress(' Shop ')).toEqual({ name: 'shop', service: '', relays: [] });
  });

  it('never takes 56 characters for a name', () => {
    const typo = `${id.startsWith('a') ? 'b' : 'a'}${id.slice(1)}`;
    expect(() => parseAddress(typo)).toThrow(expect.objectContaining({ code: 'ERR_ID_INVALID' }));
  });

  it.each(['', 'http://shop', `sealane://shop?relay=http%3A%2F%2Fx`, 'shop/UPPER', 'shop?e=x', 'shop?relay=nonsense'])(
    'refuses %j',
    (text) => {
      expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }));
    },
  );
});

describe('relay URLs', () => {
  it('carry the identity in the fragment, which is removed before connecting', () => {
    const relay = parseRelayUrl(`wss://relay.example.org/#${relayId}`);
    expect(relay).toEqual({ url: 'wss://relay.example.org', relayId });
    expect(formatRelayUrl(relay)).toBe(`wss://relay.example.org#${relayId}`);
  });

  it('carry no user name', () => {
    expect(() => parseRelayUrl('ws://me:secret@relay')).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
    );
  });

  it.each(['ws://a..b', 'wss://relay;x', 'ws://relay:0', "ws://it's"])(
    'name a host that AUTH can name: not %j',
    (text) => {
      expect(() => parseRelayUrl(text)).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }));
    },
  );

  it.each([
    ['wss://Relay.Example.ORG', 'relay.example.org:443'],
    ['ws://relay.example.org.:81/x', 'relay.example.org:81'],
    ['ws://[::1]', '[::1]:80'],
    ['wss://bücher.example', 'xn--bcher-kva.example:443'],
  ])('of %s give the authority %s', (url, authority) => {
    expect(relayAuthority(url)).toBe(authority);
  });

  it('are found in an address, each once', () => {
    const address = formatAddress({
      name: 'shop',
      relays: [{ url: 'wss://one.example', relayId }, { url: 'wss://two.example' }],
    });
    const relays = [{ url: 'wss://one.example', relayId }, { url: 'wss://two.example' }];
    expect(locateRelays(address, parseAddress)).toEqual(relays);
    expect(locateRelays(['wss://two.example', address], parseAddress)).toEqual([relays[1], relays[0]]);
    expect(() => locateRelays(address)).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }));
    expect(() => locateRelays('sealane://shop', parseAddress)).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
    );
  });
});
