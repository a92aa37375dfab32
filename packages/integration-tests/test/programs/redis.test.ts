import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram, type SkippableTest, seededChunks, startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { testDirectory } from './support/files.js';
import { startRedis } from './support/redis-server.js';
import { bothWays, outputOf, runProgram } from './support/run-program.js';
import { type Tunnel, Tunnels } from './support/tunnels.js';

let directory: string;
let tunnels: Tunnels;
let started: Promise<Tunnel> | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-redis-'));
  tunnels = await Tunnels.create();
});
afterAll(async () => {
  await tunnels[Symbol.asyncDispose]();
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

/** One server and one tunnel to it for the whole file; `cli` runs redis-cli. */
async function setUp(context: SkippableTest): Promise<{
  tunnel: Tunnel;
  cli(port: number, args: readonly string[], input?: string | Uint8Array): Promise<string>;
}> {
  const program = requireProgram(context, 'redis-cli');
  started ??= startRedis(context, directory).then(({ port }) => tunnels.open(port));
  const tunnel = await started;
  return {
    tunnel,
    cli: (port, args, input) =>
      outputOf(program, ['-h', '127.0.0.1', '-p', String(port), ...args], input === undefined ? {} : { input }),
  };
}

test('redis-benchmark runs as on the direct way', { timeout: 240_000 }, async (context) => {
  const benchmark = requireProgram(context, 'redis-benchmark');
  const { tunnel, cli } = await setUp(context);
  const { direct, through } = await bothWays(tunnel, async (port) => {
    await cli(tunnel.backendPort, ['flushall']);
    const where = ['-h', '127.0.0.1', '-p', String(port)];
    const work = ['-n', '20000', '-c', '32', '-P', '4', '-d', '200', '-r', '1000', '-t', 'set,get,incr,lpush,mset'];
    const { code, stdout, stderr } = await runProgram(benchmark, [...where, ...work, '--csv']);
    expect(stderr).not.toMatch(/error/i);
    // The names of what was measured; its figures are of no matter here.
    const names = stdout.split('\n').map((line) => line.split(',')[0]);
    const length = await cli(tunnel.backendPort, ['llen', 'mylist']);
    return { code, names, length };
  });
  expect(through).toEqual(direct);
  expect(through).toMatchObject({ code: 0, length: '20000\n' });
  expect(through.names).toEqual(expect.arrayContaining(['"SET"', '"GET"', '"INCR"', '"LPUSH"']));
});

test('a mass insert of 200,000 commands leaves the same data', async (context) => {
  const { tunnel, cli } = await setUp(context);
  const commands = Array.from({ length: 200_000 }, (_, index) => {
    const [key, value] = [`key:${index % 50_000}`, `value ${index} ${'x'.repeat(index % 97)}`];
    return `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;
  }).join('');
  const digest = `local sum = '' local keys = redis.call('keys', '*') table.sort(keys)
    for _, key in ipairs(keys) do sum = redis.sha1hex(sum .. key .. redis.call('get', key)) end return sum`;
  const { direct, through } = await bothWays(tunnel, async (port) => {
    await cli(tunnel.backendPort, ['flushall']);
    const answer = await cli(port, ['--pipe'], commands);
    return { answer, size: await cli(port, ['dbsize']), sum: await cli(tunnel.backendPort, ['eval', digest, '0']) };
  });
  expect(through).toEqual(direct);
  expect(through.answer).toMatch(/errors: 0, replies: 200000/);
  expect(through.size).toBe('50000\n');
});

test('a value of 50 MB goes in and comes out unchanged', async (context) => {
  const { tunnel, cli } = await setUp(context);
  const value = Buffer.concat([...seededChunks(41, 50_000_000)]);
  const sum = (port: number): Promise<string> =>
    cli(port, ['eval', "return redis.sha1hex(redis.call('get', 'large'))", '0']);
  const { direct, through } = await bothWays(tunnel, async (port) => {
    await cli(tunnel.backendPort, ['del', 'large']);
    const stored = await cli(port, ['-x', 'set', 'large'], value);
    return { stored, sum: await sum(port) };
  });
  expect(through).toEqual(direct);
  expect(through).toEqual({ stored: 'OK\n', sum: `${createHash('sha1').update(value).digest('hex')}\n` });
  const dump = join(testDirectory(), 'dump.rdb');
  // A whole dump, as a replica gets it.
  await cli(tunnel.port, ['--rdb', dump]);
  expect((await readFile(dump)).subarray(0, 5).toString()).toBe('REDIS');
  await cli(tunnel.backendPort, ['del', 'large']);
});

test('subscribers get every message in order, and a blocked client its answer', async (context) => {
  const program = requireProgram(context, 'redis-cli');
  const { tunnel, cli } = await setUp(context);
  const { direct, through } = await bothWays(tunnel, async (port) => {
    const start = (...args: readonly string[]) =>
      startProcess('-h', ['127.0.0.1', '-p', String(port), ...args], { command: program, events: 'none' });
    await using subscriber = start('subscribe', 'news');
    await using blocked = start('blpop', 'queue', '0');
    await vi.waitUntil(async () => (await cli(tunnel.backendPort, ['pubsub', 'numsub', 'news'])).includes('1'), {
      timeout: 20_000,
    });
    const publish = Array.from({ length: 2_000 }, (_, index) => `publish news message-${index}\n`).join('');
    await cli(port, [], publish);
    await cli(port, ['rpush', 'queue', 'wake up']);
    await vi.waitUntil(() => subscriber.stdout.includes('message-1999\n'), { timeout: 20_000 });
    const { code } = await blocked.exited;
    return { code, woken: blocked.stdout, messages: subscriber.stdout };
  });
  expect(through).toEqual(direct);
  expect(through.messages.match(/message-\d+/g)).toEqual(Array.from({ length: 2_000 }, (_, n) => `message-${n}`));
});
