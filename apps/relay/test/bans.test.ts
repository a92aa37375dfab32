import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DatabaseBanStore } from '../src/ban-store.js';
import { RelayDatabase } from '../src/database/relay-database.js';
import { startRelay } from './relay-process.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-relay-'));
});

afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

/** What a connection from this address is told before it says anything. */
function told(url: string, localAddress: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), localAddress });
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(text));
    // Who is not banned gets an answer to this.
    socket.write('GET / HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n');
  });
}

it('bans are in the database of the relay and hold from its start, until their time', async () => {
  const expiresAtMs = Date.now() + 3_600_000;
  const ban = { kind: 'address', value: '127.0.0.2', reason: 'flood', createdAtMs: 1, createdBy: 'me' } as const;
  const written = await RelayDatabase.open(directory);
  const store = new DatabaseBanStore(written);
  await store.put({ ...ban, expiresAtMs });
  await store.put({ ...ban, value: '127.0.0.3', expiresAtMs: Date.now() - 1 });
  await store.put({ ...ban, value: '127.0.0.4', expiresAtMs: null });
  await store.remove('address', '127.0.0.4');
  expect(store.load()).toEqual([{ ...ban, expiresAtMs }]);
  await written.close();
  const { url, process } = await startRelay(directory);
  expect(await told(url, '127.0.0.2')).toMatch(/^HTTP\/1.1 403 .*BANNED: this address is banned until .*: flood/s);
  for (const other of ['127.0.0.3', '127.0.0.4']) expect(await told(url, other)).toMatch(/^HTTP\/1.1 426 /);
  await process.kill();
  const again = await startRelay(directory);
  expect(await told(again.url, '127.0.0.2')).toMatch(/^HTTP\/1.1 403 /);
});
