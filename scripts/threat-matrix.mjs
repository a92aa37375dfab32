// The matrix in docs/threat-model.md from the tests that play it: `node scripts/threat-matrix.mjs [--check]`.
// Every attack is played first; what is written are those that ran and ended as they say.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isCheck = process.argv.includes('--check');
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    ...['run', '--project', 'integration-tests', 'packages/integration-tests/test/relay-matrix.test.ts'],
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(isCheck ? {} : { SEALANE_WRITE_MATRIX: '1' }) },
  },
);
process.exitCode = status ?? 1;
