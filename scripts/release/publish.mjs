// Publishes every package whose version the registry does not have, dependencies first, and tags what is published.
// A run that failed is run again: what is published stays, the rest follows. Provenance: NPM_CONFIG_PROVENANCE=true.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { checkPack, publishedPackages } from '../check/packages.mjs';
import { root } from '../check/root.mjs';
import { tarballOf } from '../check/tarballs.mjs';

const execute = promisify(execFile);

const packages = inOrder(publishedPackages());
for (const entry of packages) {
  const problems = await checkPack(entry);
  if (problems !== '') throw new Error(`${entry.name} is not whole: run pnpm release, which builds first\n${problems}`);
}
let published = 0;
for (const entry of packages) {
  const { name, manifest, directory } = entry;
  if (await isPublished(name, manifest.version)) {
    console.log(`is there already: ${name}@${manifest.version}`);
    continue;
  }
  console.log(`publishing ${name}@${manifest.version}`);
  const code = await npm('publish', await tarballOf(directory), '--access', 'public', '--loglevel=warn');
  if (code !== 0) {
    console.error(`${name}@${manifest.version} was not published. Run pnpm release again when the cause is gone.`);
    process.exit(1);
  }
  published++;
}
await execute('pnpm', ['exec', 'changeset', 'tag'], { cwd: root });
console.log(published === 0 ? 'nothing to publish' : `published ${published} packages; now: git push --follow-tags`);

/** A package comes after all that it depends on, so that what is published can be installed at any moment. */
function inOrder(packages) {
  const order = [];
  const add = (entry) => {
    if (order.includes(entry)) return;
    for (const name of Object.keys(entry.manifest.dependencies ?? {})) {
      const dependency = packages.find((candidate) => candidate.name === name);
      if (dependency !== undefined) add(dependency);
    }
    order.push(entry);
  };
  for (const entry of packages) add(entry);
  return order;
}

async function isPublished(name, version) {
  try {
    const { stdout } = await execute('npm', ['view', `${name}@${version}`, 'version', '--prefer-online'], {
      cwd: root,
    });
    return stdout.trim() === version;
  } catch (error) {
    if (/\bE404\b/.test(error.stderr)) return false;
    throw new Error(`the registry cannot be asked for ${name}: ${error.stderr}`);
  }
}

function npm(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('close', resolve);
  });
}
