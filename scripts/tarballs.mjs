// Packs every published package: `pnpm tarballs [DIRECTORY]`, by default into `tarballs/`. The programs install from them with
// `npm install --global ./DIRECTORY/*.tgz`: all of them, because they need each other at exactly this version.
import { cpSync, mkdirSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { publishedPackages } from './check/packages.mjs';
import { root } from './check/root.mjs';
import { tarballOf } from './check/tarballs.mjs';

const typedIn = process.env.INIT_CWD ?? process.cwd();
const directory = resolve(typedIn, process.argv[2] ?? join(root, 'tarballs'));
mkdirSync(directory, { recursive: true });
for (const entry of publishedPackages()) {
  const tarball = await tarballOf(entry.directory);
  const target = join(directory, basename(tarball));
  cpSync(tarball, target);
  console.log(relative(typedIn, target));
}
