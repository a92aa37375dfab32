import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram, stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Guide, shown } from './guide.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-guide-'));
});

afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

/** A port that nobody has; the page's own numbers may be taken on the machine that runs the tests. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(typeof address === 'object' ? address?.port : address);
}

test('every command of "Getting started" does what the page says', async (context) => {
  requireProgram(context, 'bash');
  requireProgram(context, 'curl');
  const guide = await Guide.open('docs/getting-started.md', directory);
  guide.skip('npx -y pnpm@12 install', 'the run of these tests itself');
  guide.skip('npx -y pnpm@12 build', 'the run of these tests itself');
  guide.alias('alias sealane=');
  guide.alias('alias sealane-relay=');

  const relay = guide.start('sealane-relay --listen', { '127.0.0.1:9000': '127.0.0.1:0' });
  const url = await shown(relay, /ws:\/\/127\.0\.0\.1:\d+#[a-z2-7]{56}/);
  const here = { 'ws://127.0.0.1:9000': url.split('#')[0]! };
  const id = (await guide.run('sealane id show')).trim();
  expect(id).toMatch(/^[a-z2-7]{56}$/);

  const port = await freePort();
  guide.start('node -e', { '8080': port });
  const address = /sealane:\/\/[^'\s]+/;
  const local = /listening {2}127\.0\.0\.1:(\d+)/;
  const first = guide.start('sealane expose 8080 --relay ws://127.0.0.1:9000 --allow ID', {
    ...here,
    '8080': port,
    ID: id,
  });
  const ownersAddress = await shown(first, address);
  const firstLocal = guide.start("sealane connect 'ADDRESS' --listen 127.0.0.1:8081", {
    ADDRESS: ownersAddress,
    '8081': '0',
  });
  const curl = { '8081': await shown(firstLocal, local) };
  expect(await guide.run('curl -s http', curl)).toBe('hello\n');

  const named = guide.start('sealane expose 8080', { ...here, '8080': port, ID: id });
  await shown(named, address);
  const byName = guide.start('sealane connect shop', { ...here, '8082': '0' });
  await shown(byName, local);
  expect(await fetchText(await shown(byName, local))).toBe('hello\n');
  expect(await guide.run('sealane peers ls')).toContain('shop');

  await guide.run('sealane secret new');
  const locked = guide.start('sealane expose 8080', { ...here, '8080': port });
  const lockedAddress = await shown(locked, address);
  const unlocked = guide.start("sealane connect 'ADDRESS'", { ADDRESS: lockedAddress, '8083': '0' });
  expect(await fetchText(await shown(unlocked, local))).toBe('hello\n');

  await guide.run('sealane id rotate');

  const pinged = await guide.run("sealane ping 'ADDRESS' --count 3", { ADDRESS: ownersAddress });
  expect(pinged).toMatch(/owner.* 0 of 3 lost/);
  await shown(guide.start('sealane expose 8080', { ...here, '8080': port, ID: id }), address);
  expect(await guide.run('sealane ls', here)).toContain(id.slice(0, 8));

  await writeFile(join(directory, 'report.txt'), 'for your eyes only');
  const sender = guide.start('sealane send ./report.txt', here);
  const oneTime = await shown(sender, /(sealane:\/\/[^'\s]+)/);
  await guide.run("sealane receive 'ADDRESS'", { ADDRESS: oneTime });
  expect(await readFile(join(directory, 'received.txt'), 'utf8')).toBe('for your eyes only');
  expect((await sender.exited).code).toBe(0);

  const second = guide.start('sealane-relay --listen', { '127.0.0.1:9001': '127.0.0.1:0' });
  const secondUrl = (await shown(second, /ws:\/\/127\.0\.0\.1:\d+#[a-z2-7]{56}/)).split('#')[0]!;
  const both = { ...here, 'ws://127.0.0.1:9001': secondUrl, '8080': port, ID: id };
  const twice = await shown(guide.start('sealane expose 8080', both), address);
  const overBoth = guide.start("sealane connect 'ADDRESS'", { ADDRESS: twice, '8084': '0' });
  const bothPort = await shown(overBoth, local);
  expect(await fetchText(bothPort)).toBe('hello\n');
  await relay.kill();
  expect(await fetchText(bothPort)).toBe('hello\n');
  expect(guide.untested).toEqual([]);
});

async function fetchText(port: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}/`)).text();
}
