import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import {
  connectTo,
  exchange,
  runProcess,
  seededChunks,
  seededSha256,
  startEchoServer,
  startHalfCloseServer,
  startServer,
  stopAllProcesses,
  type TestServer,
} from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sealaneFile } from './programs.js';
import { World } from './world.js';

let world: World;
const servers: TestServer[] = [];
const keep = async (server: Promise<TestServer>): Promise<TestServer> => {
  servers.push(await server);
  return await server;
};

beforeAll(async () => {
  world = await World.create();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(async () => {
  await world.dispose();
  await stopAllProcesses();
});

const echoes = async (port: number, text = 'hello', host = '127.0.0.1'): Promise<void> => {
  const answer = await exchange({ port, host }, [Buffer.from(text)]);
  expect(answer).toEqual({
    bytes: text.length,
    sha256: createHash('sha256').update(text).digest('hex'),
    end: 'fin',
  });
};

describe('expose and connect', () => {
  it('carry bytes through the relay, with an event for every step and the ids of the peers', async () => {
    const echo = await keep(startEchoServer());
    await using owner = (await world.expose(echo.port, ['--service', 'steps'])).process;
    const ready = await owner.waitFor('ready');
    expect(ready).toMatchObject({ id: world.ownerId, name: null, service: 'steps' });
    const address = new URL(String(ready['address']).replace('sealane:', 'http:'));
    expect([address.hostname, address.pathname]).toEqual([world.ownerId, '/steps']);
    expect(address.searchParams.get('relay')).toBe(`${world.relayUrl}#${world.relayId}`);

    const { process: dialer, port } = await world.connect(String(ready['address']));
    await using _ = dialer;
    expect(await dialer.waitFor('connected')).toMatchObject({ peer: world.ownerId, service: 'steps' });
    await echoes(port);
    expect(await owner.waitFor('session')).toMatchObject({ state: 'open', peer: world.dialerId });
    const closed = await owner.waitFor('stream', ({ state }) => state === 'closed');
    expect(closed).toMatchObject({ peer: world.dialerId, bytesIn: 5, bytesOut: 5 });
    expect(await dialer.waitFor('stream', ({ state }) => state === 'closed')).toMatchObject({ peer: world.ownerId });
    for (const line of [...owner.stdout.trim().split('\n'), ...dialer.stdout.trim().split('\n')]) {
      expect(JSON.parse(line)).toHaveProperty('event');
    }
  });

  it('keep a half-close a half-close, in both directions', async () => {
    const late = await keep(startHalfCloseServer());
    const { process: owner, address } = await world.expose(late.port, ['--service', 'half']);
    const { process: dialer, port } = await world.connect(address);
    let text = '';
    const bytes = 3_000_000;
    const answer = await exchange({ port }, seededChunks(7, bytes), {
      onData: (chunk) => (text += Buffer.from(chunk).toString()),
    });
    expect(answer.end).toBe('fin');
    expect(text).toBe(`${bytes} ${seededSha256(7, bytes)}\n`);

    const speaksFirst = await keep(startServer((socket) => void socket.end('done')));
    const other = await world.expose(speaksFirst.port, ['--service', 'first']);
    const second = await world.connect(other.address);
    const socket = await connectTo({ port: second.port });
    const received: Buffer[] = [];
    socket.on('data', (chunk) => received.push(chunk));
    await once(socket, 'end');
    expect(Buffer.concat(received).toString()).toBe('done');
    expect(socket.writable).toBe(true);
    const [peer] = speaksFirst.sockets;
    const arrived = new Promise<string>((resolve) => peer?.once('data', (chunk) => resolve(chunk.toString())));
    socket.write('still here');
    expect(await arrived).toBe('still here');
    socket.destroy();
    for (const process of [owner, dialer, other.process, second.process]) await process.kill();
  });

  it('serve many local connections at once in one session', async () => {
    const echo = await keep(startEchoServer());
    const { process: owner, address } = await world.expose(echo.port, ['--service', 'many']);
    const { process: dialer, port } = await world.connect(address);
    await Promise.all(
      Array.from({ length: 64 }, async (_, seed) => {
        const answer = await exchange({ port }, seededChunks(seed, 100_000));
        expect(answer).toEqual({ bytes: 100_000, sha256: seededSha256(seed, 100_000), end: 'fin' });
      }),
    );
    expect(owner.events.filter(({ event, state }) => event === 'session' && state === 'open')).toHaveLength(1);
    for (const process of [owner, dialer]) await process.kill();
  });

  it('work on IPv6 addresses and give them in brackets', async () => {
    const echo = await keep(startEchoServer({ host: '::1' }));
    const { process: owner, address } = await world.expose(`[::1]:${echo.port}`, ['--service', 'six']);
    const dialer = world.startConnect(address, ['--listen', '[::1]:0']);
    const { address: local } = await dialer.waitFor('listening');
    expect(local).toMatch(/^\[::1\]:\d+$/);
    await echoes(Number(/\d+$/.exec(String(local))?.[0]), 'six', '::1');
    for (const process of [owner, dialer]) await process.kill();
  });

  it('a bare port reaches a program that listens on IPv6 only', async () => {
    const echo = await keep(startEchoServer({ host: '::1' }));
    const { process: owner, address } = await world.expose(echo.port, ['--service', 'bare']);
    const { process: dialer, port } = await world.connect(address);
    await echoes(port);
    for (const process of [owner, dialer]) await process.kill();
  });

  it('work on unix sockets on both sides, private to the user, and replace a dead one', async () => {
    const [target, local] = [world.owner.file('target.sock'), world.dialer.file('local.sock')];
    await keep(startEchoServer({ path: target }));
    const { process: owner, address } = await world.expose(`unix:${target}`, ['--service', 'unix']);
    const first = world.startConnect(address, ['--listen', `unix:${local}`]);
    expect(await first.waitFor('listening')).toMatchObject({ address: `unix:${local}` });
    expect((await stat(local)).mode & 0o777).toBe(0o600);
    const answer = await exchange({ path: local }, seededChunks(3, 200_000));
    expect(answer).toMatchObject({ bytes: 200_000, sha256: seededSha256(3, 200_000) });

    const taken = world.startConnect(address, ['--listen', `unix:${local}`]);
    expect((await taken.exited).code).toBe(1);
    expect(taken.stderr).toMatch(/^error: .* \(ERR_LISTEN\)$/m);
    await first.kill();
    const second = world.startConnect(address, ['--listen', `unix:${local}`]);
    await second.waitFor('listening');
    expect((await exchange({ path: local }, [Buffer.from('x')])).bytes).toBe(1);
    for (const process of [owner, second]) await process.kill();
  });

  it('reset the local connection when the target does not answer, with an event', async () => {
    const gone = await startEchoServer();
    await gone.close();
    const { process: owner, address } = await world.expose(gone.port, ['--service', 'gone']);
    const { process: dialer, port } = await world.connect(address);
    const answer = await exchange({ port }, []);
    expect(answer).toMatchObject({ bytes: 0, end: 'reset' });
    expect(await owner.waitFor('stream')).toMatchObject({ state: 'reset', code: 'ERR_STREAM_UNREACHABLE' });
    expect(await dialer.waitFor('stream', ({ state }) => state === 'reset')).toMatchObject({
      code: 'ERR_STREAM_UNREACHABLE',
    });
    for (const process of [owner, dialer]) await process.kill();
  });

  it('need the same access secret and a common protocol', async () => {
    const echo = await keep(startEchoServer());
    const [secret, another] = [world.owner.file('secret'), world.owner.file('another')];
    for (const file of [secret, another]) await world.owner.run(['secret', 'new', '--out', file]);
    const { process: owner, address } = await world.expose(echo.port, [
      ...['--service', 'locked', '--access-secret', secret, '--alpn', 'b/1', '--alpn', 'a/1'],
    ]);
    const good = ['--access-secret', secret, '--alpn', 'a/1'];
    const { process: dialer, port } = await world.connect(address, good);
    await echoes(port);
    for (const [args, code] of [
      [['--access-secret', another, '--alpn', 'a/1'], 'ERR_E2EE_DAMAGED'],
      [['--alpn', 'a/1'], 'ERR_E2EE_DAMAGED'],
      [['--access-secret', secret, '--alpn', 'c/1'], 'ERR_E2EE_NO_ALPN'],
    ] as const) {
      const refused = world.startConnect(address, args);
      expect((await refused.exited).code).toBe(1);
      expect(refused.stderr).toMatch(new RegExp(`^error: .* \\(${code}\\)$`, 'm'));
    }
    for (const process of [owner, dialer]) await process.kill();
  });

  it('take the relay from SEALANE_RELAY and from the configuration file', async () => {
    const echo = await keep(startEchoServer());
    const owner = world.owner.start(
      ['expose', String(echo.port), '--service', 'env', '--allow', world.dialerId, '--json'],
      {
        env: { SEALANE_RELAY: world.relayUrl },
      },
    );
    await owner.waitFor('ready');
    await writeFile(
      `${world.dialer.env['XDG_CONFIG_HOME']}/sealane/config.json`,
      JSON.stringify({ relay: world.relayUrl }),
    );
    const { process: dialer, port } = await world.connect(`${world.ownerId}/env`);
    await echoes(port);
    for (const process of [owner, dialer]) await process.kill();
  });
});

describe('connect --stdio', () => {
  it('carries standard input and output and nothing else, with JSON lines on standard error', async () => {
    const late = await keep(startHalfCloseServer());
    const { process: owner, address } = await world.expose(late.port, ['--service', 'stdio']);
    const bytes = 2_000_000;
    const input = Buffer.concat([...seededChunks(5, bytes)]);
    const result = await runProcess(sealaneFile, ['connect', address, '--stdio', '--json'], {
      input,
      env: world.dialer.env,
    });
    expect(result.code).toBe(0);
    expect(result.stdout).toBe(`${bytes} ${seededSha256(5, bytes)}\n`);
    const lines = result.stderr.trim().split('\n');
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('event');
    await owner.kill();
  });

  it('ends with exit code 1 when the stream was cut', async () => {
    const cutter = await keep(
      startServer((socket) => socket.write('half of it', () => setTimeout(() => socket.resetAndDestroy(), 100))),
    );
    const { process: owner, address } = await world.expose(cutter.port, ['--service', 'cut']);
    const process = world.startConnect(address, ['--stdio']);
    const { code } = await process.exited;
    expect(code).toBe(1);
    const last = JSON.parse(process.stderr.trim().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ event: 'error', code: expect.stringMatching(/^ERR_/) });
    await owner.kill();
  });

  it('that is told to stop lets its stream end in good order', async () => {
    // Speaks only after the program has been told, and ends after that.
    const server = await keep(startServer((socket) => socket.write('ready')));
    const { process: owner, address } = await world.expose(server.port, ['--service', 'told']);
    const process = world.startConnect(address, ['--stdio']);
    const output: string[] = [];
    process.child.stdout?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    await expect.poll(() => output.join(''), { timeout: 20_000 }).toBe('ready');
    // What ssh sends to its ProxyCommand.
    process.signal('SIGHUP');
    // A stop that reset the stream would cut this answer.
    const [socket] = server.sockets;
    socket?.end(' and done');
    process.child.stdin?.end();
    expect(await process.exited).toEqual({ code: 0, signal: null });
    expect(output.join('')).toBe('ready and done');
    expect(process.stderr).not.toContain('ERR_');
    await owner.kill();
  });
});
