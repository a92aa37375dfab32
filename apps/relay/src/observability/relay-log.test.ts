import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RelayEvent } from '@sealane/server';
import { afterAll, describe, expect, it } from 'vitest';
import { Output } from '../output.js';
import { LogSink } from './log-sink.js';
import { RelayLog, type RelayLogOptions } from './relay-log.js';

const directory = mkdtempSync(join(tmpdir(), 'sealane-log-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const opened: RelayEvent = {
  type: 'session-open',
  session: 1,
  owner: 'owner'.repeat(8),
  service: 'a-service-with-a-long-name',
  ownerLink: '0123456789abcdef',
  dialerLink: 'fedcba9876543210',
  connection: '09'.repeat(16),
};

function stderr(writableLength = 0) {
  const lines: string[] = [];
  return { lines, writableLength, write: (text: string) => lines.push(...text.split('\n').filter(Boolean)) };
}

async function open(options: Partial<Pick<RelayLogOptions, 'level' | 'ids'>> = {}, stream = stderr()) {
  const sink = LogSink.open(undefined, (error) => expect.unreachable(error.message), stream);
  const log = await RelayLog.open({ level: 'info', ids: 'full', ...options, sink });
  return { log, stream, entries: () => stream.lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the log of a relay', () => {
  it('has one JSON object per line with its weight, its time and what happened', async () => {
    const { log, entries } = await open();
    log.event(opened);
    const { type, ...facts } = opened;
    expect(entries()).toEqual([
      { level: 'info', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), event: type, ...facts },
    ]);
  });

  it('shortens every id where that is wanted, and nothing else', async () => {
    const { log, entries } = await open({ ids: 'short' });
    log.event(opened);
    expect(entries()[0]).toMatchObject({
      owner: 'ownerown',
      service: 'a-service-with-a-long-name',
      ownerLink: '01234567',
      dialerLink: 'fedcba98',
      connection: '09090909',
    });
    const id = 'a'.repeat(56);
    log.tell('info', {
      event: 'x',
      message: `the lease of ${id}/web`,
      paths: [`id ${'0'.repeat(32)}`, 'limits.maxLeases'],
    });
    expect(entries()[1]).toMatchObject({
      message: 'the lease of aaaaaaaa/web',
      paths: ['id 00000000', 'limits.maxLeases'],
    });
  });

  it('changes its level and its ids while it is written, also from off', async () => {
    const { log, entries } = await open({ level: 'off' });
    log.event(opened);
    log.change({ level: 'debug', ids: 'short' });
    await expect
      .poll(() => {
        log.event({ type: 'refused', code: 'BUSY', where: 'connect' });
        return entries().length;
      })
      .toBeGreaterThan(0);
    expect(entries()[0]).toMatchObject({ level: 'debug', event: 'refused' });
    log.change({ level: 'error', ids: 'full' });
    const count = entries().length;
    log.event(opened);
    expect(entries()).toHaveLength(count);
    log.event({ type: 'fault', code: 'ERR_INTERNAL', message: 'a\nstack' });
    expect(entries().at(-1)).toMatchObject({ level: 'error', message: 'a\nstack' });
  });

  it('has what the program prints, once, and keeps plain complaints off a standard error that has its lines', async () => {
    const { log, stream, entries } = await open();
    const output = new Output({ json: true, log, stdout: stderr(), stderr: stream });
    output.listening({ url: 'ws://127.0.0.1:1', id: 'x' });
    output.relay({ type: 'warning', code: 'UNTRUSTED_PROXY', message: 'm' });
    output.relay({ type: 'refused', code: 'BUSY', where: 'connect' });
    output.flush();
    const told = new Output({ json: false, log, stdout: stderr(), stderr: stream });
    told.reloadFailed('ERR_CONFIG', 'why');
    expect(entries().map(({ level, event }) => [level, event])).toEqual([
      ['info', 'listening'],
      ['warn', 'warning'],
      ['info', 'refusals'],
      ['error', 'reload-failed'],
    ]);
  });

  it('drops what nobody takes, and says how much', async () => {
    const stream = stderr(2_000_000);
    const { log, entries } = await open({}, stream);
    log.event(opened);
    log.event(opened);
    stream.writableLength = 0;
    log.event(opened);
    expect(entries()).toEqual([
      { level: 'warn', time: expect.any(String), event: 'dropped', count: 2 },
      expect.objectContaining({ event: 'session-open' }),
    ]);
  });

  it('goes on in a new file when the old one was moved away, for the operator alone', async () => {
    const file = join(directory, 'relay.log');
    const sink = LogSink.open(file, (error) => expect.unreachable(error.message));
    const log = await RelayLog.open({ level: 'info', ids: 'full', sink });
    log.event(opened);
    renameSync(file, `${file}.1`);
    log.reopen();
    log.event({ ...opened, session: 2 });
    await log.close();
    expect([`${file}.1`, file].map((name) => JSON.parse(readFileSync(name, 'utf8'))['session'])).toEqual([1, 2]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('a file that cannot be added to is a mistake of the configuration at the start, and a fault later', async () => {
    const nowhere = join(directory, 'none', 'relay.log');
    expect(() => LogSink.open(nowhere, () => undefined)).toThrow(/cannot be added to/);
    const faults: Error[] = [];
    const sink = LogSink.open('/dev/full', (error) => faults.push(error));
    sink.write('line\n');
    await expect.poll(() => faults).toHaveLength(1);
    sink.write('another line\n');
    await sink.close();
  });
});
