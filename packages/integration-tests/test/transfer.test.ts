import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  collect,
  connectTo,
  exchange,
  FaultyWire,
  isLongRun,
  SeededVerifier,
  seededChunks,
  seededSha256,
  startEchoServer,
  startHalfCloseServer,
  startSink,
  startSource,
  startStalledServer,
  stopAllProcesses,
  type TestProcess,
  writeAll,
} from '@sealane/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { ThreeProcesses } from './three-processes.js';

const mebibyte = 1 << 20;
const memoryLimitBytes = 256 * mebibyte;

afterEach(stopAllProcesses);

function peaks(processes: readonly TestProcess[]): number[] {
  return processes.map((process) => Math.round(process.peakMemoryBytes() / mebibyte));
}

function* repeat(chunk: Uint8Array, times: number): Generator<Uint8Array> {
  for (let index = 0; index < times; index++) yield chunk;
}

describe('bytes through relay, owner and dialer', () => {
  test('200 MB up arrive with their checksum and their end', async () => {
    await using sink = await startSink();
    await using three = await ThreeProcesses.start(`127.0.0.1:${sink.port}`);
    const answer = await exchange(three.target, seededChunks(1, 200_000_000));
    expect(await sink.next()).toEqual({ bytes: 200_000_000, sha256: seededSha256(1, 200_000_000), end: 'fin' });
    expect(answer).toMatchObject({ bytes: 0, end: 'fin' });
  });

  test('200 MB down arrive with their checksum and their end', async () => {
    await using source = await startSource({ seed: 2, bytes: 200_000_000 });
    await using three = await ThreeProcesses.start(`127.0.0.1:${source.port}`);
    const received = await exchange(three.target, []);
    expect(received).toEqual({ bytes: 200_000_000, sha256: seededSha256(2, 200_000_000), end: 'fin' });
  });

  test('an end in one direction leaves the other open', async () => {
    await using server = await startHalfCloseServer();
    await using three = await ThreeProcesses.start(`127.0.0.1:${server.port}`);
    const text: Buffer[] = [];
    const answer = await exchange(three.target, seededChunks(3, 3_000_000), {
      onData: (chunk) => text.push(Buffer.from(chunk)),
    });
    expect(Buffer.concat(text).toString()).toBe(`3000000 ${seededSha256(3, 3_000_000)}\n`);
    expect(answer.end).toBe('fin');
  });

  test('unix sockets work on both sides, half-close included', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sealane-unix-'));
    try {
      await using _server = await startHalfCloseServer({ path: join(directory, 'backend') });
      await using three = await ThreeProcesses.start(`unix:${join(directory, 'backend')}`, {
        listen: `unix:${join(directory, 'local')}`,
      });
      const answer = await exchange(three.target, seededChunks(4, 5_000_000));
      expect(answer).toMatchObject({ bytes: `5000000 ${'0'.repeat(64)}\n`.length, end: 'fin' });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('64 connections at once keep their bytes apart, and no process needs more than 256 MiB', async () => {
    const bytes = 2_000_000;
    await using server = await startEchoServer();
    await using three = await ThreeProcesses.start(`127.0.0.1:${server.port}`);
    await Promise.all(
      Array.from({ length: 64 }, async (_, index) => {
        const verifier = new SeededVerifier(index + 100, bytes);
        const received = await exchange(three.target, seededChunks(index + 100, bytes), {
          onData: (chunk) => verifier.push(chunk),
        });
        expect(received).toMatchObject({ bytes, end: 'fin' });
      }),
    );
    for (const peak of peaks(three.processes)) expect(peak).toBeLessThan(memoryLimitBytes / mebibyte);
  });

  const transfer = isLongRun() ? 4_096 : 1_024;
  test(`no process needs more than 256 MiB while ${transfer} MiB pass`, { timeout: 600_000 }, async () => {
    await using sink = await startSink();
    await using three = await ThreeProcesses.start(`127.0.0.1:${sink.port}`);
    await exchange(three.target, repeat(new Uint8Array(mebibyte).fill(7), transfer));
    expect((await sink.next()).bytes).toBe(transfer * mebibyte);
    for (const peak of peaks(three.processes)) expect(peak).toBeLessThan(memoryLimitBytes / mebibyte);
  });
});

describe('a receiver that stops reading', () => {
  test('stops the sender within its window, and other streams go on', async () => {
    await using stalled = await startStalledServer({ bytes: 1 });
    let wire: FaultyWire | undefined;
    await using three = await ThreeProcesses.start(`127.0.0.1:${stalled.port}`, {
      dialerRelayPort: async (port) => {
        wire = await FaultyWire.start({ port });
        return wire.port;
      },
    });
    const socket = await connectTo(three.target);
    // It ends with a reset, which is what this side is told in the end.
    const firstEnded = collect(socket);
    const chunk = new Uint8Array(65_536);
    // Writes until nothing has moved on the wire for two looks in a row.
    let carried = -1;
    let still = 0;
    const fill = (): void => {
      while (socket.writableLength < mebibyte) socket.write(chunk);
    };
    socket.on('drain', fill);
    fill();
    await expect
      .poll(
        () => {
          const now = wire?.carriedBytes.up ?? 0;
          // Pings go on; a few hundred bytes are no progress.
          still = now - carried < 4_096 ? still + 1 : 0;
          carried = now;
          return still;
        },
        { interval: 500, timeout: 60_000 },
      )
      .toBeGreaterThanOrEqual(3);
    // The largest inner window, and what the kernel buffers in front of a program that does not read.
    expect(carried).toBeLessThan(16 * mebibyte);
    for (const peak of peaks(three.processes)) expect(peak).toBeLessThan(memoryLimitBytes / mebibyte);

    const second = await connectTo(three.target);
    await writeAll(second, [Uint8Array.of(1)]);
    await expect.poll(() => stalled.accepted).toBe(2);
    const ended = collect(second);
    for (const peer of stalled.sockets) peer.resetAndDestroy();
    expect([(await ended).end, (await firstEnded).end]).toEqual(['reset', 'reset']);
    await wire?.close();
  });
});
