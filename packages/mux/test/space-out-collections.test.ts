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
