import { existsSync, readFileSync } from 'node:fs';
import * as types from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { vectors } from './vector-file.js';

const source = readFileSync(new URL('../../../docs/protocol/v1.md', import.meta.url), 'utf8');
/** Cells of tables are padded by the formatter. */
const text = source.replace(/ +/g, ' ');
const cryptoVectors = new URL('../../crypto/vectors/', import.meta.url);

interface Example {
  readonly name: string;
  /** Without comments and white space. */
  readonly content: string;
}

const examples: readonly Example[] = [...text.matchAll(/^```vector:(\S+)\n(.*?)^```$/gms)].map((match) => ({
  name: match[1]!,
  content: match[2]!.replace(/;.*$/gm, '').replace(/\s+/g, ''),
}));

/** `crypto/FILE#path.to.value` in the vectors of another package, or the name of a vector of this one. */
function expected(name: string): unknown {
  const [, file, path] = /^crypto\/([^#]+)#(.+)$/.exec(name) ?? [];
  if (file === undefined || path === undefined) return vectors.find((vector) => vector.name === name)?.hex;
  const url = new URL(file, cryptoVectors);
  if (!existsSync(url)) return undefined;
  return path
    .split('.')
    .reduce((value: unknown, key) => (value as Record<string, unknown>)[key], JSON.parse(readFileSync(url, 'utf8')));
}

describe('docs/protocol/v1.md', () => {
  it.each(examples.map((example) => [example.name, example] as const))('example %s is the vector', (name, example) => {
    expect(example.content).toBe(expected(name));
  });

  it('has an example of every control message, frame and request', () => {
    const named = new Set(examples.map((example) => example.name));
    // A whole lease twice, a URL, and frames that only wrap another example would say nothing new.
    const left = ['GOAWAY', 'GOAWAY_BODY_URL', 'IGNORED', 'LEASE_RESUME_ONLY', 'MESSAGE_HELD'];
    const missing = vectors.map(({ name }) => name).filter((name) => !named.has(name) && !left.includes(name));
    expect(missing).toEqual([]);
  });

  const tables = {
    FrameType: types.FrameType,
    MessageKind: types.MessageKind,
    OpenKind: types.OpenKind,
    RecordType: types.RecordType,
    RelayCode: types.RelayCode,
    OwnerCode: types.OwnerCode,
    AbortCode: types.AbortCode,
    ResetCode: types.ResetCode,
    GoAwayCode: types.GoAwayCode,
  };
  it.each(Object.entries(tables))('lists every number of %s', (_, codes) => {
    for (const [name, number] of Object.entries(codes))
      expect(text.includes(`| ${number} | \`${name}\` |`), name).toBe(true);
  });

  it('names the labels, the suites and the subprotocol', () => {
    for (const [name, number] of Object.entries(types.Suite))
      expect(text.includes(`| ${number} \`${name}\` |`), name).toBe(true);
    expect(text.includes(`\`${types.LABEL}\``)).toBe(true);
    expect(text.includes(`\`${types.SUBPROTOCOL}\``)).toBe(true);
  });

  it('every section that it refers to exists', () => {
    const slugs = [...text.matchAll(/^#{2,3} (.+)$/gm)].map((match) => match[1]!.toLowerCase().replaceAll(' ', '-'));
    const links = [...text.matchAll(/\]\(#([a-z0-9-]+)\)/g)].map((match) => match[1]!);
    expect(links.filter((link) => !slugs.includes(link))).toEqual([]);
  });
});
