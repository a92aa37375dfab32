import { expect, test } from 'vitest';
import { SeededVerifier, seededChunks, seededSha256 } from './byte-source.js';
import { seededRandom } from './seeded-random.js';

test('the same seed gives the same bytes, another seed others', () => {
  expect(seededRandom(7)(64)).toEqual(seededRandom(7)(64));
  expect(seededRandom(7)(64)).not.toEqual(seededRandom(8)(64));
});

test('an unaligned target gets the same bytes as an aligned one', () => {
  const unaligned = new Uint8Array(41).subarray(1);
  expect(seededRandom(3).fill(unaligned)).toEqual(seededRandom(3)(40));
});

test('int stays in its bounds and reaches both', () => {
  const random = seededRandom(1);
  const seen = new Set(Array.from({ length: 500 }, () => random.int(-2, 2)));
  expect([...seen].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
});

test('bytes are spread evenly', () => {
  const counts = new Array<number>(256).fill(0);
  for (const byte of seededRandom(11)(256_000)) counts[byte]!++;
  expect(Math.min(...counts)).toBeGreaterThan(850);
  expect(Math.max(...counts)).toBeLessThan(1_150);
});

test('a fork depends on the seed and its label only', () => {
  const random = seededRandom(5);
  const before = random.fork('a')(8);
  random(1_000);
  expect(random.fork('a')(8)).toEqual(before);
  expect(random.fork('b')(8)).not.toEqual(before);
});

test('shuffle keeps the values', () => {
  const values = [1, 2, 3, 4, 5, 6, 7, 8];
  const shuffled = seededRandom(2).shuffle(values);
  expect(shuffled).not.toEqual(values);
  expect([...shuffled].sort()).toEqual(values);
});

test('seeded chunks add up to their length and their hash is stable', () => {
  const total = [...seededChunks(9, 200_001)].reduce((sum, chunk) => sum + chunk.length, 0);
  expect(total).toBe(200_001);
  expect(seededSha256(9, 200_001)).toBe(seededSha256(9, 200_001));
});

test('a verifier takes the bytes in any cut and names the place of a wrong one', () => {
  const bytes = Buffer.concat([...seededChunks(4, 150_000)]);
  const verifier = new SeededVerifier(4, 150_000);
  for (let offset = 0; offset < bytes.length; offset += 777) verifier.push(bytes.subarray(offset, offset + 777));
  expect(verifier.receivedBytes).toBe(150_000);
  expect(() => verifier.push(new Uint8Array(1))).toThrow(/more bytes than the 150000/);
  bytes[70_003]! ^= 1;
  expect(() => new SeededVerifier(4).push(bytes)).toThrow('byte 70003 is wrong');
});
