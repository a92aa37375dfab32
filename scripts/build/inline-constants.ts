import { readFile } from 'node:fs/promises';
import type { Options } from 'tsup';
import * as limits from '../../packages/types/src/v1/limits.ts';
import * as wire from '../../packages/types/src/v1/wire.ts';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/** The tables of numbers that `@sealane/types` exports, by the names that the sources import. */
const tables = new Map(Object.entries({ ...wire, ...limits }).filter(([, table]) => typeof table === 'object'));
const imports = /^import \{([^}]*)\} from '(?:@sealane\/types|[./v1]+\/(?:wire|limits)\.js)';$/gm;
/** A member as a value: after `typeof` it is a type. Comments and texts are matched first, so that they stay as they are. */
const members = /\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|(?<!typeof )\b([A-Z]\w+)\.(\w+)\b/g;

/**
 * Writes a member of a table as its number, as a compiler does with an enum: no bundler does it for an object, and a page
 * would load every table with all its names.
 */
export const inlineConstants: Plugin = {
  name: 'inline-constants',
  setup(build) {
    build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => ({
      contents: withNumbers(await readFile(path, 'utf8')),
      loader: 'ts',
    }));
  },
};

function withNumbers(source: string): string {
  const imported = new Set([...source.matchAll(imports)].flatMap(([, names = '']) => names.split(/[\s,]+/)));
  return source.replace(members, (member, name: string | undefined, key: string) => {
    const value =
      name !== undefined && imported.has(name)
        ? (tables.get(name) as Record<string, unknown> | undefined)?.[key]
        : undefined;
    return value === undefined ? member : `${value} /* ${member} */`;
  });
}
