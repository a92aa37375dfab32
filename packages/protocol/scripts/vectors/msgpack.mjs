// Runs a msgpack-test-suite.json through the strict decoder. Every encoding there must decode to its value, or be
// refused because it breaks a rule below; which rules it breaks is found here by a parser of its own.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

const rules = {
  boolean: 'booleans are not used',
  float: 'floats are not used',
  map: 'maps are not used',
  extension: 'extension types, timestamps among them, are not used',
  signed: 'signed integers are not used',
  large: 'integers above 2^53-1 are not used',
  long: 'a value that is not in its shortest form',
};

/** The value of one entry as the strict decoder would give it. */
function expected(entry) {
  if ('binary' in entry) return fromHex(entry.binary);
  for (const kind of ['nil', 'bool', 'number', 'string', 'array', 'map']) if (kind in entry) return entry[kind];
  return undefined;
}

function fromHex(text) {
  return new Uint8Array(Buffer.from(text.replaceAll('-', ''), 'hex'));
}

/** Adds the names of the broken rules to `broken`; returns the offset behind the value at `at`. */
function inspect(bytes, at, broken) {
  const head = bytes[at];
  const uint = (offset, size) =>
    Number(BigInt(`0x${Buffer.from(bytes.subarray(offset, offset + size)).toString('hex')}`));
  const items = (start, count) => {
    let next = start;
    for (let index = 0; index < count; index += 1) next = inspect(bytes, next, broken);
    return next;
  };
  /** A length of `size` bytes that should have been at least `least`. */
  const sized = (size, least) => {
    const length = uint(at + 1, size);
    if (length < least) broken.add('long');
    return length;
  };
  if (head < 0x80 || head === 0xc0) return at + 1;
  if (head < 0x90) {
    broken.add('map');
    return items(at + 1, (head & 15) * 2);
  }
  if (head < 0xa0) return items(at + 1, head & 15);
  if (head < 0xc0) return at + 1 + (head & 31);
  if (head >= 0xe0) {
    broken.add('signed');
    return at + 1;
  }
  switch (head) {
    case 0xc2:
    case 0xc3:
      broken.add('boolean');
      return at + 1;
    case 0xc4:
      return at + 2 + sized(1, 0);
    case 0xc5:
      return at + 3 + sized(2, 0x100);
    case 0xc6:
      return at + 5 + sized(4, 0x10000);
    case 0xc7:
    case 0xc8:
    case 0xc9: {
      broken.add('extension');
      const size = 2 ** (head - 0xc7);
      return at + 1 + size + 1 + uint(at + 1, size);
    }
    case 0xca:
    case 0xcb:
      broken.add('float');
      return at + (head === 0xca ? 5 : 9);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf: {
      const size = 2 ** (head - 0xcc);
      const value = uint(at + 1, size);
      if (value < [0x80, 0x100, 0x10000, 0x100000000][head - 0xcc]) broken.add('long');
      if (value > Number.MAX_SAFE_INTEGER) broken.add('large');
      return at + 1 + size;
    }
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      broken.add('signed');
      return at + 1 + 2 ** (head - 0xd0);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      broken.add('extension');
      return at + 2 + 2 ** (head - 0xd4);
    case 0xd9:
      return at + 2 + sized(1, 0x20);
    case 0xda:
      return at + 3 + sized(2, 0x100);
    case 0xdb:
      return at + 5 + sized(4, 0x10000);
    case 0xdc:
      return items(at + 3, sized(2, 0x10));
    case 0xdd:
      return items(at + 5, sized(4, 0x10000));
    case 0xde:
    case 0xdf: {
      broken.add('map');
      const size = head === 0xde ? 2 : 4;
      return items(at + 1 + size, uint(at + 1, size) * 2);
    }
    default:
      throw new Error(`no value starts with ${head}`);
  }
}

export async function run(path) {
  const { decodeStrict } = await import('../../dist/index.js');
  const result = { passed: 0, failed: 0, skipped: 0, notes: [] };
  const refused = Object.fromEntries(Object.keys(rules).map((rule) => [rule, 0]));
  let decoded = 0;
  for (const [group, entries] of Object.entries(JSON.parse(readFileSync(path, 'utf8')))) {
    for (const entry of entries) {
      for (const hex of entry.msgpack) {
        const bytes = fromHex(hex);
        const broken = new Set();
        const end = inspect(bytes, 0, broken);
        let problem = end === bytes.length ? undefined : 'holds more than one value';
        try {
          const value = decodeStrict(bytes);
          if (broken.size > 0) problem = `was decoded although ${[...broken].map((rule) => rules[rule]).join(', ')}`;
          else if (!isDeepStrictEqual(value, expected(entry))) problem = `decoded to ${JSON.stringify(value)}`;
          else decoded += 1;
        } catch (error) {
          if (!String(error.code).startsWith('ERR_PROTOCOL_')) problem = `threw ${error}`;
          else if (broken.size === 0) problem = `was refused: ${error.message}`;
          else for (const rule of broken) refused[rule] += 1;
        }
        if (problem === undefined) result.passed += 1;
        else {
          result.failed += 1;
          result.notes.push(`${group} ${hex} ${problem}`);
        }
      }
    }
  }
  result.notes.push(`${decoded} encodings decoded to their value`);
  for (const [rule, count] of Object.entries(refused)) result.notes.push(`${count} refused as meant: ${rules[rule]}`);
  return result;
}
