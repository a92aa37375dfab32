import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const built = new URL('../dist/collect-growth.js', import.meta.url).href;
const spacing = new URL('../../../packages/mux/dist/node/index.js', import.meta.url).href;

test('objects that outlive the young heap and die are collected long before 96 MiB of them are dead', async () => {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { spaceOutCollections } from ${JSON.stringify(spacing)};
    import { collectGrowth } from ${JSON.stringify(built)};
    spaceOutCollections();
    collectGrowth();
    const oldMiB = () => getHeapSpaceStatistics().find((space) => space.space_name === 'old_space').space_used_size / 1048576;
    const kept = [];
    let [least, most, collections] = [0, 0, 0];
    for (let turn = 0; collections < 2; turn++) {
      // Some 80 KiB, of which the last hundred times are held.
      kept[turn % 100] = Array.from({ length: 1000 }, (_, index) => ({ turn, index, next: undefined }));
      await new Promise((resolve) => setTimeout(resolve, 5));
      const now = oldMiB();
      if (now < most - 2) {
        // The first one is V8's own, before it has been asked for fewer.
        collections += 1;
        least = now;
        most = now;
      }
      if (now - least > 36) break;
      most = Math.max(most, now);
    }
    console.log(collections < 2 ? 'not collected' : 'collected');
    process.exit();
  `;
  const args = ['--max-semi-space-size=1', '--input-type=module', '-e', script];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: {} });
  expect([stdout, stderr]).toEqual(['collected\n', '']);
});
