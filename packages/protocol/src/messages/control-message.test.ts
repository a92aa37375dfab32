import { MessageKind } from '@sealane/types';
import { expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from './control-message.js';
import { appendSignature, encodeAuthOkUnsigned, encodeAuthUnsigned, signedBytes } from './signed-message.js';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const auth = {
  client: new Uint8Array(32),
  nonce: new Uint8Array(32),
  authority: '[2001:db8::1]:443',
  features: 0,
  initialWindow: 1,
  maxStreams: 1,
};

it('what is signed of AUTH and AUTH_OK is every byte before the signature', () => {
  const signature = new Uint8Array(64).fill(9);
  for (const unsigned of [encodeAuthUnsigned(auth), encodeAuthOkUnsigned({ features: 1, linkId: new Uint8Array(8) })]) {
    const body = appendSignature(unsigned, signature);
    expect(signedBytes(body)).toEqual(unsigned);
    expect(decodeMessage(body)).toMatchObject({ signature });
  }
  expect(() => signedBytes(encodeMessage({ kind: MessageKind.HELD }))).toThrow(code('ERR_PROTOCOL_MESSAGE'));
});

it('a message above the cap of its stage is refused before it is looked at', () => {
  const lease = new Uint8Array(5_000);
  const body = encodeMessage({
    kind: MessageKind.REGISTER,
    request: 1,
    flags: 0,
    lease,
    signature: new Uint8Array(64),
  });
  expect(() => decodeMessage(body, 4_096)).toThrow(code('ERR_PROTOCOL_LIMIT'));
  expect(() => decodeMessage(new Uint8Array(8_193).fill(0xff))).toThrow(code('ERR_PROTOCOL_LIMIT'));
});

it('a text for people is cut to its limit and loses its control characters', () => {
  const body = encodeMessage({
    kind: MessageKind.ERROR,
    request: 0,
    code: 1,
    text: `a\n\u001b[2J${'é'.repeat(200)}`,
    value: null,
  });
  const message = decodeMessage(body);
  expect(message).toMatchObject({ text: `a  [2J${'é'.repeat(125)}` });
});

it('LOOKUP asks for a name or for an id, and ACCEPT is of one kind', () => {
  const id = new Uint8Array(32);
  const lookup = { kind: MessageKind.LOOKUP, request: 1, service: '' } as const;
  const wrong = code('ERR_PROTOCOL_MESSAGE');
  expect(() => encodeMessage({ ...lookup, name: 'a', id })).toThrow(wrong);
  expect(() => encodeMessage({ ...lookup, name: null, id: null })).toThrow(wrong);
  expect(() => encodeMessage({ ...lookup, name: 'a', id: null, service: 'ssh' })).toThrow(wrong);
  const resume = { pathNumber: 1, sealed: new Uint8Array(34) };
  expect(() => encodeMessage({ kind: MessageKind.ACCEPT, message2: new Uint8Array(1), resume })).toThrow(wrong);
});

it('nobody sends what nobody would read', () => {
  const wrong = code('ERR_PROTOCOL_MESSAGE');
  expect(() => encodeAuthUnsigned({ ...auth, authority: 'Relay.example:443' })).toThrow(wrong);
  expect(() => encodeAuthUnsigned({ ...auth, client: new Uint8Array(31) })).toThrow(wrong);
  expect(() => encodeAuthUnsigned({ ...auth, maxStreams: 1.5 })).toThrow(wrong);
});
