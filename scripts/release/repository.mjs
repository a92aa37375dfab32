// `pnpm release:repository URL` writes where the sources are into every published package. Provenance compares it with the
// repository that the workflow runs in, and the pages of the packages link to it.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { publishedPackages } from '../check/packages.mjs';
import { root } from '../check/root.mjs';

const [argument] = process.argv.slice(2);
const url = argument?.replace(/(\.git)?\/?$/, '');
if (url === undefined || !/^https:\/\/[^/\s]+\/[^/\s]+\/[^/\s]+$/.test(url)) {
  console.error('usage: pnpm release:repository https://HOST/OWNER/REPOSITORY');
  process.exit(2);
}
const files = [];
for (const { directory } of publishedPackages()) {
  const file = join(directory, 'package.json');
  const { name, version, description, keywords, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
  const where = relative(root, directory).replaceAll('\\', '/');
  const manifest = {
    name,
    version,
    description,
    keywords,
    ...rest,
    homepage: `${url}/tree/main/${where}#readme`,
    bugs: `${url}/issues`,
    repository: { type: 'git', url: `git+${url}.git`, directory: where },
  };
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  files.push(file);
}
execFileSync(join(root, 'node_modules/.bin/biome'), ['check', '--write', '--log-level=error', ...files], { cwd: root });
