// Runs the tests of every package and sums them up: `node scripts/test.mjs [--long] [--project NAME]... [FILTER]...`
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isLong = process.argv.includes('--long');
const passedOn = process.argv.slice(2).filter((argument) => argument !== '--long');
const directory = mkdtempSync(join(tmpdir(), 'sealane-test-'));
const reportFile = join(directory, 'report.json');

const status = await runVitest();
const sum = summarize(readReport(), status);
rmSync(directory, { recursive: true, force: true });
for (const line of sum.lines) console.log(line);
for (const line of sum.skipReasons) console.log(line);
for (const line of sum.failures) console.log(line);
const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;

function runVitest() {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...passedOn], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...(isLong ? { SEALANE_LONG: '1' } : {}) },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}

function readReport() {
  return existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : { testResults: [] };
}

/**
 * The report's own sums miss three things: a file that fails to load, a failed hook, and an unhandled rejection.
 * A file without results counts as one failure, and so does a bad exit status that nothing else explains.
 */
function summarize(report, exitStatus) {
  const packages = new Map();
  const skipReasons = [];
  const failures = [];
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report.testResults) {
    const name = packageOf(file.name);
    const counts = packages.get(name) ?? { passed: 0, failed: 0, skipped: 0 };
    packages.set(name, counts);
    for (const test of file.assertionResults) {
      const kind = test.status === 'passed' || test.status === 'failed' ? test.status : 'skipped';
      counts[kind]++;
      if (kind === 'skipped') skipReasons.push(`skipped: ${name}: ${test.fullName}${reasonOf(test)}`);
      if (kind === 'failed') failures.push(`FAILED ${name}: ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`);
    }
    const hasFailure = file.assertionResults.some((test) => test.status === 'failed');
    if (file.status === 'failed' && !hasFailure) {
      counts.failed++;
      failures.push(`FAILED ${relative(root, file.name)}: ${firstLine(file.message)}`);
    }
  }
  for (const counts of packages.values()) for (const kind of Object.keys(total)) total[kind] += counts[kind];
  if (exitStatus !== 0 && total.failed === 0) {
    total.failed = 1;
    failures.push(`FAILED: the tests ended with status ${exitStatus}, and none says why`);
  }
  const lines = [...packages].sort().map(([name, { passed, failed, skipped }]) => {
    return `${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  });
  return { ...total, lines, skipReasons, failures };
}

function packageOf(file) {
  return relative(root, file).split('/').slice(0, 2).join('/');
}

function firstLine(message = '') {
  return message.split('\n', 1)[0].slice(0, 300);
}

function reasonOf(test) {
  const note = test.meta?.skipReason ?? test.failureMessages?.[0];
  return note === undefined ? '' : ` (${note})`;
}
