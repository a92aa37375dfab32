// For the release workflow: puts what the waiting changesets amount to on the branch `release/next` of the remote `origin`.
// Last line: `proposed VERSION`, or `nothing waits`.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../check/root.mjs';

const branch = 'release/next';
const waiting = readdirSync(join(root, '.changeset')).filter((name) => /(?<!README)[.]md$/i.test(name));
if (waiting.length === 0) {
  console.log('nothing waits');
} else {
  run('git', 'checkout', '-B', branch);
  run('pnpm', 'version-packages');
  const { version } = JSON.parse(readFileSync(join(root, 'packages/types/package.json'), 'utf8'));
  run('git', 'add', '--all');
  run('git', 'commit', '-m', `Version ${version}`);
  run('git', 'push', '--force', 'origin', `HEAD:refs/heads/${branch}`);
  console.log(`proposed ${version}`);
}

function run(program, ...args) {
  execFileSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
}
