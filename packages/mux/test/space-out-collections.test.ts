import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const built = new URL('../dist/node/index.js', import.meta.url).href;

test('this platform knows the setting, and nothing of it keeps a process alive', async () => {
  const script = `
    import { spaceOutCollections } from ${JSON.stringify(built)};
    const end = spaceOutCollections();
    end();
    spaceOutCollections();
    for (let index = 0; index < 2_000; index++) new Uint8Array(65_536);
    console.log('done');
  `;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    env: {},
  });
  // V8 complains on standard error about a flag that it does not know.
  expect(stderr).toBe('');
  expect(stdout).toBe('done\n');
});

test('it goes on in a process that can open no file any more', async () => {
  const script = `
    import { openSync } from 'node:fs';
    import { spaceOutCollections } from ${JSON.stringify(built)};
    spaceOutCollections();
    const opened = [];
    try {
      for (;;) opened.push(openSync('/dev/null'));
    } catch (error) {
      console.log(error.code);
    }
    setTimeout(() => console.log('alive'), 1_200);
  `;
  const args = ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script];
  const { stdout, stderr } = await promisify(execFile)('/bin/sh', args, { env: {} });
  expect([stdout, stderr]).toEqual(['EMFILE\nalive\n', '']);
});
