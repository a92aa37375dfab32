import { photographQr, stopAllProcesses } from '@sealane/testkit';
import decodeQr from 'qr/decode.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PtyProgram } from './pty-program.js';
import { World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await World.create();
});
afterAll(async () => {
  await world.dispose();
  await stopAllProcesses();
});

const exposeArgs = (service: string): string[] => [
  ...['expose', '8080', '--relay', world.relayUrl, '--service', service, '--allow', world.dialerId, '--qr'],
];
const env = { LC_ALL: 'C.UTF-8', NO_COLOR: undefined };

it('expose --qr shows a code that is the address', async (test) => {
  await using owner = PtyProgram.start(test, world.owner, exposeArgs('shown'), { columns: 120, rows: 60, env });
  // The view is drawn anew below what was printed.
  await owner.see((screen) => expect(screen.join('\n')).toMatch(/ready {2}connect with[\s\S]*▀[\s\S]*\nexpose \d/));
  const [before = '', ...lines] = owner.output.split('\u001b[30;107m');
  const code = lines.map((line) => line.split('\u001b[0m')[0]);
  const address = before
    .split('\u001b[')
    .find((text) => text.includes('sealane://'))
    ?.slice('1m'.length);
  expect(decodeQr(photographQr(code.join('\n'), false))).toBe(address);
});

it('expose --qr says so where the terminal has no room for it', async (test) => {
  await using owner = PtyProgram.start(test, world.owner, exposeArgs('small'), { columns: 80, rows: 24, env });
  await owner.see((screen) => expect(screen.join('\n')).toContain('warning: no QR code'));
  expect(owner.output).not.toContain('\u001b[30;107m');
});
