import type { SeededRandom } from '@sealane/testkit';

/** Values at the edges of what a byte, a length or a number can say. */
const edges = [0, 1, 2, 0x0f, 0x10, 0x1f, 0x20, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
const wideEdges = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** What byte mutations may draw from besides chance. */
export interface Material {
  readonly random: SeededRandom;
  readonly dictionary: readonly Uint8Array[];
  /** Another input of the corpus. */
  readonly other: Uint8Array;
}

/** One small change. The input is not touched. */
export function mutateBytes(input: Uint8Array, material: Material): Uint8Array {
  const { random, dictionary, other } = material;
  const { length } = input;
  const at = random.int(0, length);
  const end = Math.min(length, at + 1 + random.int(0, random.chance(0.2) ? 64 : 7));
  switch (random.int(0, 11)) {
    case 0:
      return changed(input, at, (byte) => byte ^ (1 << random.int(0, 7)));
    case 1:
      return changed(input, at, () => random.pick(edges));
    case 2:
      return changed(input, at, (byte) => byte + random.int(-16, 16));
    case 3:
      return input.slice(0, at);
    case 4: // a run is repeated
      return join(input.subarray(0, end), input.subarray(at));
    case 5: // a run is lost
      return join(input.subarray(0, at), input.subarray(end));
    case 6: // the head of one with the tail of another
      return join(input.subarray(0, at), other.subarray(random.int(0, other.length)));
    case 7: {
      // a piece of another inside
      const from = random.int(0, other.length);
      const piece = other.subarray(from, from + random.int(1, 32));
      return join(
        input.subarray(0, at),
        piece,
        input.subarray(random.chance(0.5) ? at : Math.min(length, at + piece.length)),
      );
    }
    case 8: {
      const word = dictionary.length === 0 ? random(4) : random.pick(dictionary);
      return join(
        input.subarray(0, at),
        word,
        input.subarray(random.chance(0.5) ? at : Math.min(length, at + word.length)),
      );
    }
    case 9:
      return join(input.subarray(0, at), random(random.int(1, 8)), input.subarray(at));
    case 10:
      return withWideNumber(input, at, random);
    default:
      return withLengthField(input, material);
  }
}

function changed(input: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  if (input.length === 0) return Uint8Array.of(change(0));
  const bytes = input.slice();
  const index = Math.min(at, input.length - 1);
  bytes[index] = change(bytes[index]!);
  return bytes;
}

function withWideNumber(input: Uint8Array, at: number, random: SeededRandom): Uint8Array {
  const size = random.pick([2, 3, 4]);
  const bytes = input.length < at + size ? join(input.subarray(0, at), new Uint8Array(size)) : input.slice();
  const edge = random.pick(wideEdges) + random.int(-1, 1);
  writeNumber(bytes, at, size, random.chance(0.5) ? edge : readNumber(bytes, at, size) + random.int(-9, 9));
  return bytes;
}

/**
 * Finds a number that counts the bytes after it up to some end, changes what it counts and corrects the number: so that
 * the decoder gets past the length to what lies behind.
 */
function withLengthField(input: Uint8Array, material: Material): Uint8Array {
  const { random } = material;
  if (input.length < 2) return changed(input, 0, () => random.int(0, 255));
  const start = random.int(0, input.length - 1);
  for (let step = 0; step < Math.min(64, input.length); step++) {
    const at = (start + step) % input.length;
    for (const size of [3, 2, 4, 1]) {
      const from = at + size;
      if (from > input.length) continue;
      const counted = readNumber(input, at, size);
      if (counted === 0 || counted > input.length - from) continue;
      // A byte alone counts something by chance more often than not.
      if (size === 1 && counted !== input.length - from && random.chance(0.8)) continue;
      const inner = mutateInner(input.subarray(from, from + counted), material);
      const bytes = join(input.subarray(0, from), inner, input.subarray(from + counted));
      writeNumber(bytes, at, size, inner.length);
      return bytes;
    }
  }
  return changed(input, start, (byte) => byte + 1);
}

function mutateInner(inner: Uint8Array, { random, dictionary, other }: Material): Uint8Array {
  const at = random.int(0, inner.length);
  switch (random.int(0, 3)) {
    case 0:
      return inner.slice(0, at);
    case 1:
      return join(inner.subarray(0, at), random(random.int(1, 16)), inner.subarray(at));
    case 2:
      return join(inner.subarray(0, at), dictionary.length === 0 ? other : random.pick(dictionary), inner.subarray(at));
    default:
      return changed(inner, at, () => random.int(0, 255));
  }
}

function readNumber(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let index = 0; index < size; index++) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}

function writeNumber(bytes: Uint8Array, at: number, size: number, value: number): void {
  let left = Math.max(0, value);
  for (let index = size - 1; index >= 0; index--) {
    bytes[at + index] = left % 256;
    left = Math.floor(left / 256);
  }
}
