import { readFileSync } from 'node:fs';

interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: string[]; readonly node_types: (string[] | string)[] } };
  readonly nodes: number[];
  readonly strings: string[];
}

/** How many objects and functions of each name a heap snapshot (`v8.writeHeapSnapshot`) holds. */
export function readHeapCensus(file: string): ReadonlyMap<string, number> {
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(file, 'utf8')) as Snapshot;
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [typeAt, nameAt] = [fields.indexOf('type'), fields.indexOf('name')];
  const typeNames = types[typeAt] as string[];
  const census = new Map<string, number>();
  for (let node = 0; node < nodes.length; node += fields.length) {
    const type = typeNames[nodes[node + typeAt]!];
    if (type !== 'object' && type !== 'closure') continue;
    const name = `${type === 'closure' ? 'function ' : ''}${strings[nodes[node + nameAt]!]}`;
    census.set(name, (census.get(name) ?? 0) + 1);
  }
  return census;
}
