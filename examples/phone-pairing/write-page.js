// Writes the page for phones as static files, for a web host.
//   node write-page.js RELAY-URL DIRECTORY
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildPage } from './page-files.js';

const [relayUrl, directory] = process.argv.slice(2);
if (relayUrl === undefined || directory === undefined) {
  console.error('give the relay, and the directory to write to');
  process.exit(2);
}
await mkdir(directory, { recursive: true });
for (const [name, { body }] of Object.entries((await buildPage(relayUrl)).files)) {
  await writeFile(join(directory, name), body);
  console.log(`wrote ${join(directory, name)}`);
}
