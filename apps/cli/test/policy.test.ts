import { readFile, writeFile } from 'node:fs/promises';
import { connectTo, exchange, startEchoServer, stopAllProcesses, streamEnd, type TestServer } from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { World } from './world.js';

let world: World;
let echo: TestServer;

beforeAll(async () => {
  world = await World.create();
  echo = await startEchoServer();
});
afterEach(async () => {
  await world.relay.waitFor('listening');
});
afterAll(async () => {
  await echo.close();
  await world.dispose();
  await stopAllProcesses();
});

const errorLine = (code: string) => new RegExp(`^error: .+ \\(${code}\\)$`, 'm');

describe('who may connect', () => {
  it('is nobody unless told, and expose says how', async () => {
    const owner = world.startExpose(String(echo.port), ['--service', 'nobody']);
    expect(await owner.waitFor('warning')).toMatchObject({ message: expect.stringContaining('--allow') });
    const { address } = await owner.waitFor('ready');
    const dialer = world.startConnect(String(address));
    expect((await dialer.exited).code).toBe(1);
    expect(dialer.stderr).toMatch(errorLine('ERR_E2EE_DENIED'));
    expect(dialer.events.filter(({ event }) => event === 'listening')).toEqual([]);
    // A message that was only repeated must leave no trace at the owner, so one that was refused leaves none.
    expect(owner.events.filter(({ event }) => event === 'session' || event === 'refused')).toEqual([]);
    await owner.kill();
  });

  it('is who --allow names, and nobody else', async () => {
    const { process: owner, address } = await world.expose(echo.port, [
      '--service',
      'named',
      '--allow',
      world.dialerId,
    ]);
    const { process: dialer, port } = await world.connect(address);
    expect(await exchange({ port }, [Buffer.from('x')])).toMatchObject({ bytes: 1 });
    const stranger = world.startConnect(address, [], await world.user());
    expect((await stranger.exited).code).toBe(1);
    expect(stranger.stderr).toMatch(errorLine('ERR_E2EE_DENIED'));
    for (const process of [owner, dialer]) await process.kill();
  });

  it('is everybody with --allow-any', async () => {
    const { process: owner, address } = await world.expose(echo.port, ['--service', 'any', '--allow-any']);
    const { process: dialer, port } = await world.connect(address, [], await world.user());
    expect(await exchange({ port }, [Buffer.from('x')])).toMatchObject({ bytes: 1 });
    for (const process of [owner, dialer]) await process.kill();
  });

  it('follows the allow file: who is taken out loses live sessions, who is put in comes in', async () => {
    const file = world.owner.file('allowed.txt');
    await writeFile(file, `# friends\n${world.dialerId} # the dialer\n`);
    const { process: owner, address } = await world.expose(echo.port, ['--service', 'file', '--allow-file', file]);
    const { process: dialer, port } = await world.connect(address);
    const socket = await connectTo({ port });
    const end = streamEnd(socket);
    socket.write('x');
    await new Promise((resolve) => socket.once('data', resolve));

    await writeFile(file, '# nobody\n');
    expect(await end).toBe('reset');
    expect(await owner.waitFor('refused')).toMatchObject({ peer: world.dialerId });
    expect(await exchange({ port }, [Buffer.from('x')])).toMatchObject({ bytes: 0, end: 'reset' });
    expect(await dialer.waitFor('refused')).toMatchObject({ code: 'ERR_E2EE_DENIED' });
    expect(dialer.hasExited).toBe(false);

    await writeFile(file, `not an id\n${world.dialerId}\n`);
    expect(await owner.waitFor('warning')).toMatchObject({ message: expect.stringContaining('line 1') });
    await writeFile(file, `${world.dialerId}\n`);
    await owner.waitFor('status', ({ message }) => message === '1 identities may connect');
    expect(await exchange({ port }, [Buffer.from('x')])).toMatchObject({ bytes: 1 });
    for (const process of [owner, dialer]) await process.kill();
  });

  it('a minimum epoch keeps older keys out until they are rotated', async () => {
    const user = await world.user();
    const id = await user.id();
    const { process: owner, address } = await world.expose(echo.port, ['--service', 'epoch', '--allow', `${id}?e=2`]);
    const early = world.startConnect(address, [], user);
    expect((await early.exited).code).toBe(1);
    expect(early.stderr).toMatch(errorLine('ERR_E2EE_DENIED'));
    await user.run(['id', 'rotate']);
    const { process: dialer, port } = await world.connect(address, [], user);
    expect(await exchange({ port }, [Buffer.from('x')])).toMatchObject({ bytes: 1 });
    for (const process of [owner, dialer]) await process.kill();
  });
});

describe('rotation', () => {
  it('of the owner while expose runs lets in who knows the old keys; a restored backup is refused', async () => {
    const user = await world.user();
    const id = await user.id();
    const file = `${user.env['XDG_CONFIG_HOME']}/sealane/identity.json`;
    const backup = await readFile(file);
    const args = ['--service', 'rotated', '--allow-any'];
    const { process: owner, address } = await world.expose(echo.port, args, user);
    const first = await world.connect(address);
    await user.run(['id', 'rotate']);
    expect(await exchange({ port: first.port }, [Buffer.from('x')])).toMatchObject({ bytes: 1 });
    const second = await world.connect(address);
    expect(await exchange({ port: second.port }, [Buffer.from('x')])).toMatchObject({ bytes: 1 });
    await owner.stop();
    const { process: again, address: newer } = await world.expose(echo.port, args, user);
    expect(newer).toMatch(/[?&]e=2$/);
    const third = await world.connect(newer);
    for (const process of [first.process, second.process, third.process]) await process.kill();
    await again.stop();

    await writeFile(file, backup);
    const { process: old } = await world.expose(echo.port, args, user);
    const refused = world.startConnect(`${id}/rotated`, ['--relay', world.relayUrl]);
    expect((await refused.exited).code).toBe(1);
    expect(refused.stderr).toMatch(errorLine('ERR_E2EE_KEYCERT'));
    await old.kill();
  });
});

describe('leases', () => {
  it('two processes of one identity and service: the second gets LEASE_IN_USE with the way out, or takes over', async () => {
    const first = await world.expose(echo.port, ['--service', 'lease']);
    const second = world.startExpose(String(echo.port), ['--service', 'lease', '--allow-any']);
    expect((await second.exited).code).toBe(1);
    expect(second.stderr).toMatch(errorLine('ERR_RELAY_LEASE_IN_USE'));
    expect(second.stderr).toContain('--take-over');
    expect(first.process.hasExited).toBe(false);

    const third = await world.expose(echo.port, ['--service', 'lease', '--take-over']);
    expect(await first.process.waitFor('refused')).toMatchObject({ code: 'ERR_RELAY_SUPERSEDED' });
    expect((await first.process.exited).code).toBe(1);
    expect(third.process.hasExited).toBe(false);
    await third.process.kill();
  });

  it('a name of somebody else is refused before ready', async () => {
    const { process: owner } = await world.expose(echo.port, ['--service', 'name', '--name', 'taken']);
    const other = world.startExpose(String(echo.port), ['--name', 'taken', '--allow-any'], await world.user());
    expect((await other.exited).code).toBe(1);
    expect(other.stderr).toMatch(errorLine('ERR_RELAY_NAME_TAKEN'));
    await owner.kill();
  });

  it('SIGTERM releases the lease at once, so that another process can have it', async () => {
    const { process: owner } = await world.expose(echo.port, ['--service', 'released']);
    expect(await owner.stop()).toEqual({ code: 0, signal: null });
    const next = await world.expose(echo.port, ['--service', 'released']);
    await next.process.kill();
  });
});

describe('pins', () => {
  it('a name is pinned at first use; another owner behind it is refused until the user accepts it', async () => {
    const user = await world.user();
    const first = await world.expose(echo.port, ['--service', 'one', '--name', 'pinned', '--allow-any']);
    const byName = ['--relay', world.relayUrl];
    const { process: dialer } = await world.connect('pinned', byName, user);
    expect(await dialer.waitFor('connected')).toMatchObject({ name: 'pinned', peer: world.ownerId });
    await dialer.kill();
    await first.process.stop();
    const listed = JSON.parse((await user.run(['peers', 'ls', '--json'])).stdout.split('\n')[0] ?? '');
    expect(listed).toMatchObject({ name: 'pinned', id: world.ownerId, service: 'one', relay: world.relayId });

    // Another service of the same owner is another answer, too; it needs no second identity to hold the name.
    const second = await world.expose(echo.port, ['--service', 'two', '--name', 'pinned', '--allow-any']);
    const refused = world.startConnect('pinned', byName, user);
    expect((await refused.exited).code).toBe(1);
    expect(refused.stderr).toMatch(errorLine('ERR_E2EE_PIN'));
    expect(refused.stderr).toContain('sealane peers accept pinned');
    expect((await user.run(['peers', 'accept', 'pinned'])).code).toBe(0);
    const { process: again, port } = await world.connect('pinned', byName, user);
    expect(await exchange({ port }, [Buffer.from('x')])).toMatchObject({ bytes: 1 });
    for (const process of [second.process, again]) await process.kill();
  });

  it('a relay that is not the one pinned in its URL is refused', async () => {
    const wrong = `${world.relayUrl}#${world.dialerId}`;
    const owner = world.startExpose(String(echo.port), ['--relay', wrong, '--allow-any']);
    expect((await owner.exited).code).toBe(1);
    expect(owner.stderr).toMatch(errorLine('ERR_RELAY_IDENTITY'));
    const dialer = world.startConnect(world.ownerId, ['--relay', wrong]);
    expect((await dialer.exited).code).toBe(1);
    expect(dialer.stderr).toMatch(errorLine('ERR_RELAY_IDENTITY'));
  });

  it('the keys of an owner are kept, so that the next connect needs no lookup', async () => {
    const { process: owner, address } = await world.expose(echo.port, ['--service', 'keys', '--allow-any']);
    const user = await world.user();
    const { process: dialer } = await world.connect(address, [], user);
    await dialer.waitFor('connected');
    await dialer.kill();
    const known = (await user.run(['peers', 'ls', '--json'])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(known).toContainEqual({ kind: 'id', id: world.ownerId, epoch: 1 });
    await owner.kill();
  });
});
