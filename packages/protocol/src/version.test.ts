import { expect, it } from 'vitest';
import { commonFeatures, isAuthority, selectSubprotocol } from './version.js';

it('an upgrade that does not offer this version has no subprotocol', () => {
  expect(selectSubprotocol(['chat', 'sealane.1'])).toBe('sealane.1');
  expect(selectSubprotocol(['sealane.2', 'SEALANE.1', ''])).toBeUndefined();
});

it('features in use are those that both offer, the highest bit included', () => {
  expect(commonFeatures(0x8000_0001, 0x8000_0003)).toBe(0x8000_0001);
});

it.each(['relay.example:443', '127.0.0.1:8080', '[::1]:80', 'xn--bcher-kva.example:1', 'localhost:65535'])(
  '%s is an authority',
  (text) => expect(isAuthority(text)).toBe(true),
);

it.each([
  'relay.example',
  'relay.example.:443',
  'Relay.example:443',
  'a:0',
  'a:65536',
  'a:080',
  '::1:80',
  'a b:1',
  ':1',
  `${'a'.repeat(260)}:1`,
])('%s is none', (text) => expect(isAuthority(text)).toBe(false));
