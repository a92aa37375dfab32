// Writes this package's own vectors to vectors/, from its built code. With --check it writes nothing and fails when a
// file differs, so that the bytes of the protocol never change silently.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const directory = join(here, '..', 'vectors');
const check = process.argv.includes('--check');

const files = {};
for (const name of ['identity.mjs', 'e2ee.mjs', 'admission.mjs']) {
  const path = join(here, 'vectors', name);
  if (existsSync(path)) Object.assign(files, await (await import(path)).generate());
}

const differing = [];
for (const [name, value] of Object.entries(files)) {
  const path = join(directory, name);
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  const present = existsSync(path) ? await readFile(path, 'utf8') : undefined;
  if (present === text) continue;
  differing.push(name);
  if (!check) {
    await mkdir(directory, { recursive: true });
    await writeFile(path, text);
  }
}
const unknown = (await readdir(directory)).filter((name) => name.endsWith('.json') && !Object.hasOwn(files, name));

for (const name of differing) console.log(check ? `${name} differs from what the code gives` : `${name} written`);
for (const name of unknown) console.log(`${name} is made by no generator`);
console.log(`${Object.keys(files).length} files, ${differing.length} different, ${unknown.length} unknown`);
if (check && differing.length + unknown.length > 0) process.exitCode = 1;
