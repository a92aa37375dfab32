import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The examples of a README as modules. What an example takes for granted stands in a comment before it, which readers of
 * the page do not see: `<!-- with: declare const id: string; -->`.
 */
export function readmeExamples({ directory, name }) {
  const text = readFileSync(join(directory, 'README.md'), 'utf8');
  const matches = [...text.matchAll(/(?:<!-- with:([\s\S]*?)-->\n+)?```ts\n([\s\S]*?)```/g)];
  return matches.map(([, context = '', code], index) => ({
    name: `${name.replace(/[@/]+/g, '-').replace(/^-/, '')}-${index + 1}.mts`,
    text: `${code}\n${context.trim()}\nexport {};\n`,
  }));
}
