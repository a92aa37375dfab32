import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram, runProcess, startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterEach, expect, test } from 'vitest';
import { ThreeProcesses } from './three-processes.js';

afterEach(stopAllProcesses);

test('redis-benchmark runs through expose and connect, on a unix socket behind the owner', async (context) => {
  const serverProgram = requireProgram(context, 'redis-server');
  const benchmark = requireProgram(context, 'redis-benchmark');
  const directory = mkdtempSync(join(tmpdir(), 'sealane-redis-'));
  try {
    const socket = join(directory, 'redis');
    const server = startProcess('--port', ['0', '--unixsocket', socket, '--dir', directory, '--save', ''], {
      command: serverProgram,
      events: 'none',
    });
    await expect.poll(() => server.stdout, { timeout: 20_000 }).toMatch(/ready to accept connections/i);
    await using three = await ThreeProcesses.start(`unix:${socket}`);
    const port = 'port' in three.target ? String(three.target.port) : '';
    const args = [port, '-h', '127.0.0.1', '-n', '20000', '-c', '32', '-P', '4', '-d', '200', '-t', 'set,get', '--csv'];
    const result = await runProcess('-p', args, { command: benchmark, deadlineMs: 120_000 });
    expect(result.stderr).not.toMatch(/error/i);
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/"SET","\d+/);
    expect(result.stdout).toMatch(/"GET","\d+/);
  } finally {
    await stopAllProcesses();
    rmSync(directory, { recursive: true, force: true });
  }
});
