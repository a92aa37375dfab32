// Makes a release as a maintainer does, of a copy of this tree, into a registry that this starts: `pnpm proof:release`.
// Then installs from it as users do. Last line: `N passed, N failed`.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { publishedPackages } from '../check/packages.mjs';
import { root } from '../check/root.mjs';
import { assert, check, finish } from './checks.mjs';
import { createClone } from './clone.mjs';
import { must, run } from './command.mjs';
import { checkExposeAndConnect, checkVersionAndHelp } from './installed-programs.mjs';
import { ProofRegistry } from './registry.mjs';

const names = publishedPackages().map(({ name }) => name);
const places = publishedPackages().map(({ directory }) => relative(root, directory));
const directory = mkdtempSync(join(tmpdir(), 'sealane-release-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const [clone, remote, project] = ['clone', 'origin.git', 'project'].map((name) => join(directory, name));
const registry = new ProofRegistry((await must('npm', ['config', 'get', 'registry'], { cwd: root })).trim());
await registry.listen();

const configuration = join(directory, 'npmrc');
writeFileSync(configuration, `//${registry.host}/:_authToken=${registry.token}\n`);
const env = {
  npm_config_registry: registry.url,
  npm_config_userconfig: configuration,
  npm_config_cache: join(directory, 'cache'),
  npm_config_fetch_retries: '0',
  npm_config_provenance: 'false',
  GITHUB_REPOSITORY: undefined,
};
const inClone = { cwd: clone, env, timeoutMs: 300_000 };
const publishAlone = (more = {}) =>
  run('node', ['scripts/release/publish.mjs'], { ...inClone, env: { ...env, ...more } });
const manifestOf = (place) => JSON.parse(readFileSync(join(clone, place, 'package.json'), 'utf8'));
let git;
let version;

await check('a copy of the tree is installed', async () => {
  git = await createClone(clone, remote);
  await must('pnpm', ['install', '--frozen-lockfile', '--prefer-offline'], { cwd: clone });
});
await check('the workflows call scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const workflows = ['ci', 'release'].map((name) => readFileSync(join(root, `.github/workflows/${name}.yml`), 'utf8'));
  const called = [...workflows.join('\n').matchAll(/pnpm@12 (\S+)/g)].map(([, name]) => name);
  assert(called.includes('release') && called.includes('release:propose'), `called: ${called.join(', ')}`);
  for (const name of called) assert(name === 'install' || name in scripts, `there is no script "${name}"`);
});
await check('a release without versions and repository is refused, with all that is missing', async () => {
  const { code, stderr } = await run('pnpm', ['release'], inClone);
  assert(code !== 0, 'it was not refused');
  for (const part of ['changes wait for a version', 'has no version yet', 'does not say where its sources are']) {
    assert(stderr.includes(part), `it does not say: ${part}\n${stderr}`);
  }
  assert(registry.published.length === 0, 'something was published');
});
await check('the maintainer names the repository', async () => {
  await must('pnpm', ['release:repository', 'https://code.example/owner/sealane'], inClone);
  await must('node', ['scripts/check.mjs', 'biome', 'workspace'], inClone);
  await git('commit', '--quiet', '--all', '-m', 'Name the repository');
});
await check('the waiting changes become a version with changelogs, proposed as a branch', async () => {
  const printed = await must('pnpm', ['release:propose'], inClone);
  version = manifestOf('packages/types').version;
  assert(printed.trim().endsWith(`proposed ${version}`), printed);
  for (const place of places) {
    assert(manifestOf(place).version === version, `${place} has another version`);
    const changelog = readFileSync(join(clone, place, 'CHANGELOG.md'), 'utf8');
    assert(changelog.includes(`\n## ${version}\n`), `${place} has no changelog of ${version}`);
  }
  const pushed = await must('git', ['log', '-1', '--format=%s', 'release/next'], { cwd: remote });
  assert(pushed.trim() === `Version ${version}`, `the branch holds "${pushed}"`);
  assert(manifestOf('packages/testkit').version === '0.0.0', 'a private package got a version');
  await must('node', ['scripts/check.mjs', 'biome', 'workspace'], inClone);
  await must('pnpm', ['install', '--frozen-lockfile', '--prefer-offline'], { cwd: clone });
  const again = await must('pnpm', ['release:propose'], inClone);
  assert(again.trim().endsWith('nothing waits'), again);
  await git('checkout', '--quiet', 'main');
  await git('merge', '--quiet', 'release/next');
});
await check('another repository than the one of the workflow is refused', async () => {
  const workflow = { GITHUB_SERVER_URL: 'https://code.example', GITHUB_REPOSITORY: 'stranger/sealane' };
  const options = { ...inClone, env: { ...env, ...workflow } };
  const { code, stderr } = await run('node', ['scripts/release/assert-releasable.mjs'], options);
  assert(code !== 0 && stderr.includes('provenance would be refused'), stderr);
});
const failing = '@sealane/server';
await check('a release that fails in the middle publishes nothing whose dependencies are missing', async () => {
  registry.failing.add(failing);
  const { code, stdout, stderr } = await run('pnpm', ['release'], inClone);
  assert(code !== 0 && stderr.includes(`${failing}@${version} was not published`), `${stdout}\n${stderr}`);
  assert(registry.published.length > 0, 'nothing was published before');
  for (const published of registry.published) {
    const { dependencies = {} } = registry.manifest(published.slice(0, published.lastIndexOf('@')), version);
    for (const name of Object.keys(dependencies).filter((dependency) => names.includes(dependency))) {
      assert(registry.manifest(name, version) !== undefined, `${published} came before ${name}`);
    }
  }
});
await check('provenance asks for an identity token, and without one nothing is published', async () => {
  const before = registry.published.length;
  const outside = await publishAlone({ npm_config_provenance: 'true', GITHUB_ACTIONS: undefined, CI: undefined });
  assert(outside.code !== 0 && /provenance/i.test(outside.stderr), outside.stderr);
  const { code, stdout, stderr } = await publishAlone({
    npm_config_provenance: 'true',
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: `${registry.url}identity-token?api-version=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'token',
  });
  assert(code !== 0, 'it was published without provenance');
  assert(registry.audiences.includes('sigstore'), `no identity token was asked for:\n${stdout}\n${stderr}`);
  assert(registry.published.length === before, 'something was published');
});
await check('the release is run again and publishes the rest', async () => {
  await must('pnpm', ['release'], inClone);
  const expected = names.map((name) => `${name}@${version}`).sort();
  assert(
    JSON.stringify([...registry.published].sort()) === JSON.stringify(expected),
    `published: ${registry.published.join(', ')}`,
  );
  const tags = (await git('tag', '--list')).trim().split('\n').sort();
  assert(JSON.stringify(tags) === JSON.stringify(expected), `tags: ${tags.join(', ')}`);
});
await check('what is published names exact versions and its repository', () => {
  for (const name of names) {
    const { dependencies = {}, repository, license } = registry.manifest(name, version);
    for (const [dependency, range] of Object.entries(dependencies)) {
      assert(!/workspace|catalog/.test(range), `${name} wants ${dependency} as ${range}`);
      if (names.includes(dependency)) assert(range === version, `${name} wants ${dependency} as ${range}`);
    }
    assert(repository.url === 'git+https://code.example/owner/sealane.git' && license === 'MIT', `fields of ${name}`);
  }
});
await check('a further run publishes nothing', async () => {
  const before = registry.published.length;
  const { code, stdout, stderr } = await publishAlone();
  assert(code === 0 && stdout.includes('nothing to publish'), `${stdout}\n${stderr}`);
  assert(registry.published.length === before, 'something was published');
});
await check('npm installs from the registry into an empty project, and what it installs works', async () => {
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "user", "private": true, "type": "module" }\n');
  const user = { cwd: project, env };
  await must('npm', ['install', '--no-audit', '--no-fund', 'sealane', '@sealane/relay', '@sealane/client'], user);
  await must('npm', ['ls', '--all'], user);
  const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
  for (const name of names) {
    const { integrity } = registry.manifest(name, version).dist;
    assert(packages[`node_modules/${name}`].integrity === integrity, `integrity of ${name}`);
    for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md']) {
      assert(existsSync(join(project, 'node_modules', name, file)), `${name} has no ${file}`);
    }
  }
  const bin = join(project, 'node_modules/.bin');
  await checkVersionAndHelp(bin, version);
  await checkExposeAndConnect(bin, join(directory, 'use'));
  const use = "import { connect } from '@sealane/client'; console.log(typeof connect);";
  assert((await must('node', ['--input-type=module', '--eval', use], user)) === 'function\n', 'the library');
});
await check('npm installs both programs globally from the registry', async () => {
  const globals = join(directory, 'global');
  await must('npm', ['install', '--global', '--prefix', globals, 'sealane', '@sealane/relay'], { cwd: directory, env });
  await checkVersionAndHelp(join(globals, 'bin'), version);
});
await registry.close();
finish();
