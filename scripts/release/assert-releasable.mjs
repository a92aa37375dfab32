// Says what is missing before a release, all of it at once, and does nothing else.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { publishedPackages } from '../check/packages.mjs';
import { root } from '../check/root.mjs';

const packages = publishedPackages();
const problems = [...treeProblems(), ...changesetProblems(), ...packages.flatMap(packageProblems)];
if (problems.length > 0) {
  console.error(['this cannot be released:', ...problems.map((problem) => `- ${problem}`)].join('\n'));
  process.exit(1);
}
console.log(`${packages.length} packages can be released as ${packages[0].manifest.version}`);

function treeProblems() {
  const changes = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }).trim();
  return changes === '' ? [] : [`files are not committed:\n${changes}`];
}

function changesetProblems() {
  const pending = readdirSync(join(root, '.changeset')).filter((name) => /(?<!README)[.]md$/i.test(name));
  if (pending.length === 0) return [];
  return [`changes wait for a version (${pending.join(', ')}): run pnpm version-packages and commit`];
}

function packageProblems({ directory, manifest, name }) {
  const found = [];
  const { version } = manifest;
  if (version !== packages[0].manifest.version) found.push(`${name} has the version ${version}, unlike the others`);
  if (version === '0.0.0') found.push(`${name} has no version yet: run pnpm version-packages`);
  const changelog = join(directory, 'CHANGELOG.md');
  const text = existsSync(changelog) ? readFileSync(changelog, 'utf8') : '';
  if (!text.includes(`\n## ${version}\n`)) found.push(`${name} has no entry for ${version} in its CHANGELOG.md`);
  return [...found, ...repositoryProblems(directory, manifest, name)];
}

function repositoryProblems(directory, { repository }, name) {
  const where = relative(root, directory).replaceAll('\\', '/');
  const url = /^git\+(https:\/\/\S+)[.]git$/.exec(repository?.url ?? '')?.[1];
  if (url === undefined || repository.directory !== where) {
    return [`${name} does not say where its sources are: run pnpm release:repository URL and commit`];
  }
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: here } = process.env;
  if (server === undefined || here === undefined || url.toLowerCase() === `${server}/${here}`.toLowerCase()) return [];
  return [`${name} names the repository ${url}, but this is ${server}/${here}: provenance would be refused`];
}
