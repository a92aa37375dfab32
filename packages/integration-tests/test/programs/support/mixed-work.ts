import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { exchange, requireProgram, type SkippableTest, seededChunks, seededSha256 } from '@sealane/testkit';
import { eventText } from './event-source.js';
import { sha256OfFile } from './files.js';
import { H2Client } from './h2-client.js';
import type { MixedStage } from './mixed-stage.js';
import { postgresUser } from './postgres-server.js';
import { outputOf, runProgram } from './run-program.js';
import { WebSocketClient } from './websocket-echo.js';

/** One piece of work that follows from its seed; what came back, and what has to. */
export type Work = (seed: number) => Promise<{ readonly got: unknown; readonly expected: unknown }>;

/** How many files curl fetches in one run. */
const downloads = 5;

/** Every kind of program, at the local ports of the stage. Skips the test where a program is not installed. */
export function createWork(test: SkippableTest, stage: MixedStage): Readonly<Record<string, Work>> {
  const curl = requireProgram(test, 'curl');
  const redis = requireProgram(test, 'redis-cli');
  const psql = requireProgram(test, 'psql');
  const ssh = requireProgram(test, 'ssh');
  const { to } = stage;
  const sizeOf = (seed: number): number => 1 + ((seed * 7_919) % 400_000);
  const bytesOf = (seed: number): Buffer => Buffer.concat([...seededChunks(seed, sizeOf(seed))]);
  return {
    curl: async (seed) => {
      const base = `http://127.0.0.1:${to.http.port}`;
      const options = ['-sS', '--noproxy', '*'];
      const files = Array.from({ length: downloads }, (_, index) => join(stage.directory, `curl-${seed}-${index}`));
      // One connection for the upload and all downloads.
      const gets = files.flatMap((file, index) => [
        ...['--next', ...options, '-o', file, `${base}/bytes/${seed + index}/${sizeOf(seed + index)}`],
      ]);
      const up = await outputOf(curl, ['-q', ...options, '-T', '-', `${base}/up`, ...gets], { input: bytesOf(seed) });
      const down = await Promise.all(files.map((file) => sha256OfFile(file)));
      for (const file of files) rmSync(file);
      const sums = files.map((_, index) => seededSha256(seed + index, sizeOf(seed + index)));
      return {
        got: { up, down },
        expected: { up: `encoding chunked length none bytes ${sizeOf(seed)} sha256 ${sums[0]}\n`, down: sums },
      };
    },
    redis: async (seed) => {
      const values = Array.from({ length: 300 }, (_, index) => `${seed}-${index}-${'v'.repeat(index)}`);
      const input = values.flatMap((value, index) => [
        `set mixed-${seed}-${index} ${value}`,
        `get mixed-${seed}-${index}`,
      ]);
      const got = await outputOf(redis, ['-p', String(to.redis.port)], {
        input: `${input.join('\n')}\ndel mixed-${seed}-0\n`,
      });
      return { got, expected: `${values.map((value) => `OK\n${value}\n`).join('')}1\n` };
    },
    psql: async (seed) => {
      const count = 1 + (seed % 3_000);
      const numbers = Array.from({ length: count }, (_, index) => String(index + seed)).join(',');
      const series = `generate_series(${seed}, ${seed + count - 1}) n`;
      const query = `select md5(string_agg(n::text, ',' order by n)) from ${series}; select repeat(n::text, 20) from ${series}`;
      const where = ['-X', '-At', '-w', '-h', '127.0.0.1', '-p', String(to.postgres.port), '-U', postgresUser];
      const got = await outputOf(psql, [...where, '-d', 'postgres', '-c', query]);
      const rows = Array.from({ length: count }, (_, index) => `${String(index + seed).repeat(20)}\n`).join('');
      return { got, expected: `${createHash('md5').update(numbers).digest('hex')}\n${rows}` };
    },
    ssh: async (seed) => {
      const command = `sha256sum; seq 1 ${seed % 5_000}; exit ${seed % 100}`;
      const { code, stdout, stderr } = await runProgram(ssh, [...stage.ssh.login(to.ssh.port), command], {
        input: bytesOf(seed),
      });
      const lines = Array.from({ length: seed % 5_000 }, (_, index) => `${index + 1}\n`).join('');
      const expected = `${seededSha256(seed, sizeOf(seed))}  -\n${lines}`;
      return { got: { code, stdout, stderr }, expected: { code: seed % 100, stdout: expected, stderr: '' } };
    },
    webSocket: async (seed) => {
      const client = await WebSocketClient.open(to.http.port, { deflate: false });
      // Each rejects unless it comes back as it was sent.
      await Promise.all([
        client.echo(`text ${seed}`),
        client.echoSeeded(sizeOf(seed)),
        client.echoFragments(['a', 'b']),
      ]);
      await client.ping(`ping ${seed}`);
      await client.close(4_000 + (seed % 900), 'done');
      return {
        got: client.transcript.slice(-2),
        expected: [`pong ping ${seed}`, `closed ${4_000 + (seed % 900)} done`],
      };
    },
    halfClose: async (seed) => {
      const got = await exchange({ port: to.echo.port }, seededChunks(seed, 3 * sizeOf(seed)));
      return { got, expected: { bytes: 3 * sizeOf(seed), sha256: seededSha256(seed, 3 * sizeOf(seed)), end: 'fin' } };
    },
    events: async (seed) => {
      const events = 50 + (seed % 200);
      const got = await getText(to.http.port, `/events/${events}`);
      return { got, expected: Array.from({ length: events }, (_, number) => eventText(number)).join('') };
    },
    h2: async (seed) => {
      const client = await H2Client.open(to.h2.port);
      const seeds = Array.from({ length: 8 }, (_, index) => seed + index);
      const answers = await Promise.all(seeds.map((each) => client.post('/echo', each, 40_000)));
      await client.close();
      return { got: answers.map(({ sha256 }) => sha256), expected: seeds.map((each) => seededSha256(each, 40_000)) };
    },
  };
}

/** The whole body over a connection of its own; rejects when it was cut. */
function getText(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (part: string) => {
        text += part;
      });
      response.once('error', reject);
      response.once('end', () => resolve(text));
    });
    request.once('error', reject);
  });
}
