import { stopAllProcesses } from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await World.create();
});
afterAll(async () => {
  await world.dispose();
  await stopAllProcesses();
});

const ls = (...args: string[]) => world.dialer.run(['ls', '--relay', world.relayUrl, ...args]);

describe('sealane ls', () => {
  it('lists what owners made public, and nothing else, with an address that connects', async () => {
    expect(await ls()).toMatchObject({ code: 0, stdout: '', stderr: 'nothing is public at this relay\n' });
    expect(await ls('--json')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await using _ = (await world.expose(1, ['--service', 'secret', '--name', 'secret'])).process;
    const shown = await world.expose(1, [
      ...['--service', 'shown', '--name', 'shown', '--public', '--alpn', 'a/1', '--alpn', 'b/2'],
      ...['--metadata', '{"text":"caf\u00e9 \\u001b[31m"}'],
    ]);
    await using __ = shown.process;
    const listed = await ls('--json');
    expect({ code: listed.code, stderr: listed.stderr }).toEqual({ code: 0, stderr: '' });
    expect(listed.stdout).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(listed.stdout)).toEqual({
      name: 'shown',
      id: world.ownerId,
      service: 'shown',
      protocols: ['a/1', 'b/2'],
      address: shown.address,
      metadata: '{"text":"caf\u00e9 \\u001b[31m"}',
      expiresInMs: expect.any(Number),
    });
    const { stdout } = await ls();
    expect(stdout).toBe(
      `NAME              SERVICE     PROTOCOLS             ID\nshown             shown       a/1,b/2               ${world.ownerId}\n  ${shown.address}\n`,
    );
    const { stdout: pinged } = await world.dialer.run([
      'ping',
      shown.address,
      '--alpn',
      'a/1',
      '--count',
      '1',
      '--json',
    ]);
    expect(pinged).toContain('"event":"ping"');
  });

  it('shows no identity of its user, and makes none', async () => {
    const stranger = await world.user();
    expect((await stranger.run(['ls', '--relay', world.relayUrl])).code).toBe(0);
    expect((await stranger.run(['peers', 'ls', '--json'])).stdout).toBe('');
    const { code, stderr } = await stranger.run(['ls', '--relay', 'ws://127.0.0.1:1']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error: .*\(ERR_LINK_FAILED\)\n$/)]);
  });
});
