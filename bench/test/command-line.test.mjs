import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../profile.mjs', import.meta.url));

function run(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('a program of the benchmark', () => {
  test('says how it is used', () => {
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--seconds N'), stderr: '' });
  });

  test.each([
    [['--nope'], /^error: Unknown option '--nope'\n\nnode bench/],
    [['--seconds', 'ten'], /^error: --seconds: a number above 0\n\nnode bench/],
    [['--functions', '1.5'], /^error: --functions: a whole number above 0\n/],
    [['--only', '('], /^error: Invalid regular expression: .*\n\nnode bench/],
  ])('says what it does not understand, and how it is used: %j', (args, text) => {
    const { status, stdout, stderr } = run(...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(text);
  });
});
