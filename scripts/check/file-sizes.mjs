import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './root.mjs';

const limit = 350;
const vagueNames = /^(utils?|helpers?|common|misc)[.]/;

/** A source file over the limit has become two things; a vague name hides what it is. */
export function checkFileSizes() {
  const files = execFileSync('git', ['ls-files', 'packages/*/src/**', 'apps/*/src/**'], {
    cwd: root,
    encoding: 'utf8',
  });
  const problems = files === '' ? ['no source files were found: this check looks at the wrong place'] : [];
  for (const file of files.trim().split('\n')) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const lines = readLines(join(root, file));
    if (lines > limit) problems.push(`${file} has ${lines} lines, the limit is ${limit}`);
    if (vagueNames.test(basename(file))) problems.push(`${file}: name the file after what it does`);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*([.]test-d)?[.]ts$/.test(basename(file))) problems.push(`${file} is not kebab-case`);
  }
  return Promise.resolve(problems.join('\n'));
}

function readLines(path) {
  return readFileSync(path, 'utf8').split('\n').length - 1;
}
