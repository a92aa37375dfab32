import type { SeededRandom } from '@sealane/testkit';
import { join, type Material, mutateBytes } from './bytes.js';

/** A value as its bytes: `head` and what it counts, so that wrong forms can be kept and made. */
type Node =
  | { kind: 'array'; items: Node[] }
  | { kind: 'text' | 'binary'; data: Uint8Array }
  | { kind: 'scalar'; bytes: Uint8Array };

const maxDepth = 12;

/** The value that starts at 0 with the offset after it; undefined where the bytes are not MessagePack. */
function parse(bytes: Uint8Array, at: number, depth: number): { node: Node; end: number } | undefined {
  const head = bytes[at];
  if (head === undefined || depth > maxDepth) return undefined;
  const size = (count: number): number => {
    let value = 0;
    for (let index = 1; index <= count; index++) value = value * 256 + (bytes[at + index] ?? 0);
    return value;
  };
  const run = (kind: 'text' | 'binary', from: number, length: number): { node: Node; end: number } | undefined =>
    from + length > bytes.length
      ? undefined
      : { node: { kind, data: bytes.slice(from, from + length) }, end: from + length };
  const scalar = (length: number): { node: Node; end: number } => ({
    node: { kind: 'scalar', bytes: bytes.slice(at, at + length) },
    end: Math.min(bytes.length, at + length),
  });
  if (head >= 0x90 && head < 0xa0) return parseArray(bytes, at + 1, head & 15, depth);
  if (head === 0xdc) return parseArray(bytes, at + 3, size(2), depth);
  if (head >= 0xa0 && head < 0xc0) return run('text', at + 1, head & 31);
  switch (head) {
    case 0xd9:
      return run('text', at + 2, size(1));
    case 0xda:
      return run('text', at + 3, size(2));
    case 0xc4:
      return run('binary', at + 2, size(1));
    case 0xc5:
      return run('binary', at + 3, size(2));
    case 0xcc:
      return scalar(2);
    case 0xcd:
      return scalar(3);
    case 0xce:
      return scalar(5);
    case 0xcf:
      return scalar(9);
    default:
      return scalar(1);
  }
}

function parseArray(
  bytes: Uint8Array,
  at: number,
  count: number,
  depth: number,
): { node: Node; end: number } | undefined {
  const items: Node[] = [];
  let end = at;
  for (let index = 0; index < count; index++) {
    const item = parse(bytes, end, depth + 1);
    if (item === undefined) return undefined;
    items.push(item.node);
    end = item.end;
  }
  return { node: { kind: 'array', items }, end };
}

function encode(node: Node): Uint8Array {
  if (node.kind === 'scalar') return node.bytes;
  if (node.kind === 'array') return join(head(0x90, 16, undefined, 0xdc, node.items.length), ...node.items.map(encode));
  const { data } = node;
  return join(
    node.kind === 'text' ? head(0xa0, 32, 0xd9, 0xda, data.length) : head(0, 0, 0xc4, 0xc5, data.length),
    data,
  );
}

/** The shortest head for a count. */
function head(fix: number, fixBelow: number, one: number | undefined, two: number, count: number): Uint8Array {
  if (count < fixBelow) return Uint8Array.of(fix | count);
  if (one !== undefined && count < 256) return Uint8Array.of(one, count);
  return Uint8Array.of(two, count >>> 8, count);
}

export function encodeInteger(value: number): Uint8Array {
  if (value < 0x80) return Uint8Array.of(value);
  if (value < 0x100) return Uint8Array.of(0xcc, value);
  if (value < 0x1_0000) return Uint8Array.of(0xcd, value >>> 8, value);
  const bytes = new Uint8Array(value < 0x1_0000_0000 ? 5 : 9);
  const view = new DataView(bytes.buffer);
  bytes[0] = bytes.length === 5 ? 0xce : 0xcf;
  if (bytes.length === 5) view.setUint32(1, value);
  else view.setBigUint64(1, BigInt(value));
  return bytes;
}

const integers = [
  0,
  1,
  2,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  0x7fff_ffff,
  0xffff_ffff,
  0x1_0000_0000,
  Number.MAX_SAFE_INTEGER,
];
const lengths = [0, 1, 15, 16, 31, 32, 33, 40, 41, 63, 64, 65, 131, 132, 133, 255, 256, 1_024, 4_096, 4_097];

/** What the subset does not have, or has in another form. */
const foreign = [
  'c1',
  'c2',
  'c3',
  'ca3f800000',
  'd000',
  'e0',
  '80',
  'c70000',
  'd40000',
  'cc05',
  'd900',
  'dc0000',
  'cf0020000000000000',
];

function anyValue({ random, dictionary }: Material): Node {
  switch (random.int(0, 6)) {
    case 0:
      return { kind: 'scalar', bytes: Uint8Array.of(0xc0) };
    case 1:
      return { kind: 'scalar', bytes: encodeInteger(random.pick(integers)) };
    case 2:
      return { kind: 'binary', data: random(random.pick(lengths)) };
    case 3:
      return { kind: 'text', data: new Uint8Array(random.pick(lengths)).fill(random.int(0x61, 0x7a)) };
    case 4:
      return { kind: 'array', items: [] };
    case 5:
      return { kind: 'text', data: dictionary.length === 0 ? new Uint8Array(0) : random.pick(dictionary) };
    default:
      return { kind: 'scalar', bytes: new Uint8Array(Buffer.from(random.pick(foreign), 'hex')) };
  }
}

/** One change of the tree of values, written again in shortest forms; a change of bytes where there is no tree. */
export function mutateMsgpack(input: Uint8Array, offset: number, material: Material): Uint8Array {
  const { random, other } = material;
  const parsed = random.chance(0.15) ? undefined : parse(input, offset, 0);
  if (parsed === undefined) return mutateBytes(input, material);
  const root: Node = { kind: 'array', items: [parsed.node] };
  const [parent, index] = pickPlace(root, random);
  const place = parent.items;
  const node = place[index];
  if (node === undefined) return mutateBytes(input, material);
  switch (random.int(0, 7)) {
    case 0:
      place[index] = anyValue(material);
      break;
    case 1:
      place.splice(index, 0, anyValue(material));
      break;
    case 2:
      place.splice(index, 1);
      break;
    case 3:
      place.splice(index, 0, node);
      break;
    case 4:
      place[index] = { kind: 'array', items: [node] };
      break;
    case 5: {
      const from = parse(other, offset, 0);
      if (from === undefined) break;
      const [source, at] = pickPlace({ kind: 'array', items: [from.node] }, random);
      place[index] = source.items[at] ?? node;
      break;
    }
    default:
      if (node.kind === 'text' || node.kind === 'binary') node.data = mutateBytes(node.data, material);
      else if (node.kind === 'scalar')
        node.bytes = encodeInteger(random.chance(0.5) ? random.pick(integers) : random.int(0, 300));
      else place[index] = anyValue(material);
  }
  return join(input.subarray(0, offset), ...root.items.map(encode), input.subarray(parsed.end));
}

function pickPlace(root: { kind: 'array'; items: Node[] }, random: SeededRandom): [{ items: Node[] }, number] {
  let parent = root;
  for (;;) {
    const index = random.int(0, Math.max(0, parent.items.length - 1));
    const node = parent.items[index];
    if (node?.kind !== 'array' || node.items.length === 0 || random.chance(0.2)) return [parent, index];
    parent = node;
  }
}
