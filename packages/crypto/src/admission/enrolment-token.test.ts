import { beforeAll, expect, it } from 'vitest';
import { loadCrypto } from '../sodium.js';
import {
  encodeEnrolmentToken,
  generateEnrolmentToken,
  hashEnrolmentToken,
  parseEnrolmentToken,
  readEnrolmentToken,
} from './enrolment-token.js';

beforeAll(() => loadCrypto());

it('a token is read back from its text, whatever its case, and no mistake in it is missed', () => {
  const token = generateEnrolmentToken();
  const text = encodeEnrolmentToken(token);
  expect(parseEnrolmentToken(` ${text.toUpperCase()}\n`)).toEqual(token);
  for (const wrong of [text.slice(0, -1), `${text}a`, text.replace('token-1', 'token-2'), '', text.slice(16)]) {
    expect(() => parseEnrolmentToken(wrong)).toThrow(expect.objectContaining({ code: 'ERR_SECRET_INVALID' }));
  }
  const letter = text[20] === 'a' ? 'b' : 'a';
  const typo = `${text.slice(0, 20)}${letter}${text.slice(21)}`;
  expect(() => parseEnrolmentToken(typo)).toThrow(expect.objectContaining({ code: 'ERR_SECRET_INVALID' }));
  expect(() => readEnrolmentToken(new Uint8Array(31))).toThrow(expect.objectContaining({ code: 'ERR_SECRET_INVALID' }));
});

it('a refusal shows none of a token, and its hash holds every byte of it', () => {
  const token = generateEnrolmentToken();
  const text = encodeEnrolmentToken(token);
  try {
    parseEnrolmentToken(`${text}x`);
    expect.unreachable();
  } catch (error) {
    expect(String(error)).not.toContain(text.slice(16, 30));
  }
  const hashes = new Set(
    [...token.bytes.keys()].map((index) => {
      const other = token.bytes.slice();
      other[index]! ^= 1;
      return Buffer.from(hashEnrolmentToken(readEnrolmentToken(other))).toString('hex');
    }),
  );
  hashes.add(Buffer.from(hashEnrolmentToken(token)).toString('hex'));
  expect(hashes.size).toBe(33);
});
