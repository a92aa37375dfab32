import type { SeededRandom } from '@sealane/testkit';
import type { Shape } from '../target.js';
import { join, type Material, mutateBytes } from './bytes.js';
import { mutateFrames } from './frames.js';
import { mutateMsgpack } from './msgpack.js';

export interface MutateOptions extends Material {
  readonly shape: Shape;
  readonly maxBytes: number;
}

/** A new input: one to several changes of `input`, with sense for its shape. */
export function mutate(input: Uint8Array, options: MutateOptions): Uint8Array {
  const { random, maxBytes } = options;
  let result = input;
  const steps = 1 + (random.chance(0.5) ? 0 : random.int(0, random.chance(0.2) ? 15 : 3));
  for (let step = 0; step < steps; step++) result = once(result, options);
  if (result.length > maxBytes) result = result.slice(0, maxBytes);
  return result === input ? result.slice() : result;
}

function once(input: Uint8Array, options: MutateOptions): Uint8Array {
  switch (options.shape.kind) {
    case 'bytes':
      return mutateBytes(input, options);
    case 'msgpack':
      return mutateMsgpack(input, options.shape.offset, options);
    case 'frames':
      return mutateFrames(input, options);
    case 'text':
      return mutateText(input, options);
  }
}

/** Signs that separate, escape, quote or fold in the texts that the project reads. */
const signs = [
  '\0',
  '\n',
  ' ',
  '"',
  '#',
  '%',
  '&',
  ',',
  '-',
  '.',
  '/',
  ':',
  '::',
  '=',
  '?',
  '@',
  '[',
  '\\',
  ']',
  '{',
  '}',
  '~',
];
const letters = [
  '\u007f',
  '\u0085',
  '\u00e9',
  '\u017f',
  '\u0130',
  '\u212a',
  '\u202e',
  '\ufeff',
  '\u{1f600}',
  'A',
  '0',
  '00',
  '1e9',
  '-1',
];

function mutateText(input: Uint8Array, options: MutateOptions): Uint8Array {
  const { random } = options;
  if (random.chance(0.5)) return mutateBytes(input, options);
  const at = random.int(0, input.length);
  const end = Math.min(input.length, at + random.int(0, 3));
  const added = replacement(input.subarray(at, end), random);
  return join(input.subarray(0, at), added, input.subarray(end));
}

function replacement(replaced: Uint8Array, random: SeededRandom): Uint8Array {
  const text = Buffer.from(replaced).toString('latin1');
  switch (random.int(0, 3)) {
    case 0:
      return Buffer.from(random.pick(signs));
    case 1:
      return Buffer.from(random.pick(letters));
    case 2:
      return Buffer.from(text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase());
    default:
      return Buffer.from(encodeURIComponent(text));
  }
}
