import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess, startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-relay-'));
});

afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

async function start(...args: string[]) {
  const relay = startProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', directory, '--json', ...args]);
  const { url } = await relay.waitFor('listening');
  return { relay, port: Number(new URL(String(url)).port) };
}

/** The statuses of so many requests, sent as fast as it goes. */
async function statuses(port: number, count: number, headers: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  const ask = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('error', reject);
      socket.once('data', (chunk: Buffer) => {
        socket.destroy();
        resolve(chunk.toString('latin1').slice(9, 12));
      });
      socket.write(
        'GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
          `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sealane.1\r\n${headers}\r\n`,
      );
    });
  for (const status of await Promise.all(Array.from({ length: count }, ask))) found[status] = (found[status] ?? 0) + 1;
  return found;
}

describe('a relay behind proxies', () => {
  it('limits whom a trusted proxy names, and says nothing', async () => {
    const { relay, port } = await start('--trust-proxy', '127.0.0.0/8', '--trust-proxy', '::1');
    expect(await statuses(port, 60, '')).toEqual({ 101: 60 });
    const flood = await statuses(port, 60, 'X-Forwarded-For: 127.0.0.1, 203.0.113.9\r\n');
    expect(flood['101']).toBeGreaterThanOrEqual(20);
    expect(flood['429']).toBeGreaterThan(0);
    expect(await statuses(port, 1, 'X-Forwarded-For: 203.0.113.10\r\n')).toEqual({ 101: 1 });
    expect(relay.stdout).not.toContain('UNTRUSTED_PROXY');
  });

  it('believes no other, exempts nobody behind it, and warns once', async () => {
    const { relay, port } = await start();
    expect(await statuses(port, 60, '')).toEqual({ 101: 60 });
    expect((await statuses(port, 60, 'X-Forwarded-For: 203.0.113.9\r\n'))['429']).toBeGreaterThan(0);
    expect((await statuses(port, 20, 'Forwarded: for=203.0.113.10\r\n'))['429']).toBeGreaterThan(0);
    const warning = await relay.waitFor('warning', (event) => event['code'] === 'UNTRUSTED_PROXY');
    expect(warning['message']).toMatch(/^127\.0\.0\.1 sends X-Forwarded-For /);
    expect(relay.stdout.split('UNTRUSTED_PROXY')).toHaveLength(2);
  });

  it('exempts this machine unless it is told not to', async () => {
    const { port } = await start('--limit-loopback');
    expect((await statuses(port, 60, ''))['429']).toBeGreaterThan(0);
  });

  it.each([
    ['--trust-proxy', 'proxy.example'],
    ['--trust-proxy', '10.0.0.1/8'],
    ['--proxy-protocol'],
    ['--set', 'limits.bytesToLeasePerSecond=16383'],
    ['--reserve-name', 'a=b'],
    ['--reserve-name', 'not a name'],
  ])('does not start with %s %s', async (...args) => {
    const exit = await runProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', directory, ...args]);
    expect([exit.code === 0, exit.stdout]).toEqual([false, '']);
    expect(exit.stderr).toMatch(/^error: [^\n]+ \(ERR_ARGUMENT\)\n$/);
  });
});
