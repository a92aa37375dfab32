import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  requireProgram,
  type SkippableTest,
  seededChunks,
  seededSha256,
  startServer,
  stopAllProcesses,
  writeAll,
} from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { largeBytes, sha256OfFile, testDirectory, writeSeededFile } from './support/files.js';
import { fileBytes, fileSeed, HttpBackend } from './support/http-backend.js';
import { type BothWays, bothWays, type ProgramResult, type RunOptions, runProgram } from './support/run-program.js';
import { type Tunnel, Tunnels } from './support/tunnels.js';

let directory: string;
let backend: HttpBackend;
let tunnels: Tunnels;
let tunnel: Tunnel;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-curl-'));
  backend = await HttpBackend.start();
  tunnels = await Tunnels.create();
  tunnel = await tunnels.open(backend.port);
});
afterEach(() => {
  backend.takeLog();
});
afterAll(async () => {
  await tunnels[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

interface CurlResult extends ProgramResult {
  /** Status line, headers and trailers. */
  readonly headers: string;
  readonly sha256: string;
  readonly bytes: number;
  /** What the server saw. */
  readonly log: readonly string[];
}

/** curl with body and headers in files: what the server saw, what arrived, and how it ended, both ways. */
async function curlBothWays(
  context: SkippableTest,
  path: string,
  args: readonly string[],
  options: RunOptions & { readonly tunnel?: Tunnel; readonly partial?: Uint8Array; readonly toStdout?: boolean } = {},
): Promise<BothWays<CurlResult>> {
  const curl = requireProgram(context, 'curl');
  const { tunnel: way = tunnel, partial, toStdout = false, ...rest } = options;
  const target = testDirectory();
  return await bothWays(way, async (port, name) => {
    const files = { body: join(target, `${name}-body`), headers: join(target, `${name}-headers`) };
    writeFileSync(files.body, partial ?? '');
    writeFileSync(files.headers, '');
    const result = await runProgram(
      curl,
      // One name for both ways, so that the Host header is the same.
      [
        ...['-q', '-sS', '--noproxy', '*', '--connect-to', `backend.test:80:127.0.0.1:${port}`],
        ...['-D', files.headers, '-o', toStdout ? '-' : files.body, ...args, `http://backend.test${path}`],
      ],
      rest,
    );
    const body = await readFile(files.body);
    return {
      ...result,
      stderr: result.stderr.replaceAll(String(port), 'PORT'),
      headers: await readFile(files.headers, 'utf8'),
      bytes: body.length,
      sha256: await sha256OfFile(files.body),
      log: backend.takeLog(),
    };
  });
}

describe('curl through expose and connect', () => {
  test('a chunked answer arrives with its trailers', async (context) => {
    const { direct, through } = await curlBothWays(context, '/chunked', []);
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ code: 0, headers: expect.stringContaining(`X-Sha256: ${through.sha256}`) });
    expect(through.headers).toMatch(/Transfer-Encoding: chunked[\s\S]*\r\n\r\n[\s\S]*X-Chunks: \d+/);
  });

  test('the chunks of an answer are those that the server made', async (context) => {
    const { direct, through } = await curlBothWays(context, '/chunked', ['--raw']);
    expect(through).toEqual(direct);
  });

  test('a chunked upload from standard input arrives as such', async (context) => {
    const input = Buffer.concat([...seededChunks(22, 3_000_000)]);
    const { direct, through } = await curlBothWays(context, '/up', ['-T', '-'], { input, toStdout: true });
    expect(through).toEqual(direct);
    expect(through.stdout).toBe(`encoding chunked length none bytes 3000000 sha256 ${seededSha256(22, 3_000_000)}\n`);
  });

  test.for([
    ['one range', '100-199', 206, 100],
    ['the end of the file', '-500', 206, 500],
    ['an open range', '999000-', 206, 1_000],
    ['a range of one byte', '0-0', 206, 1],
    ['several ranges', '0-9,100-109,999990-', 206, undefined],
    ['a range beyond the end', '2000000-', 416, 0],
  ] as const)('%s (%s) is answered with that part', async ([, range, status, bytes], context) => {
    const { direct, through } = await curlBothWays(context, '/file', ['-r', range]);
    expect(through).toEqual(direct);
    expect(through.code).toBe(0);
    expect(through.headers).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    if (bytes !== undefined) expect(through.bytes).toBe(bytes);
    else expect(through.headers).toMatch(/multipart\/byteranges/);
  });

  test('a download that was cut goes on where it stopped', async (context) => {
    const whole = Buffer.concat([...seededChunks(fileSeed, fileBytes)]);
    const { direct, through } = await curlBothWays(context, '/file', ['-C', '-'], {
      partial: whole.subarray(0, 345_678),
    });
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ code: 0, sha256: seededSha256(fileSeed, fileBytes) });
    expect(through.headers).toContain(`Content-Range: bytes 345678-${fileBytes - 1}/${fileBytes}`);
  });

  const expecting = ['-H', 'Expect: 100-continue', '--expect100-timeout', '60'];
  const payload = Buffer.concat([...seededChunks(23, 1_500_000)]);

  test('an upload that waits for 100 Continue gets it, and then its answer', async (context) => {
    const args = [...expecting, '-X', 'PUT', '--data-binary', '@-'];
    const { direct, through } = await curlBothWays(context, '/continue', args, { input: payload, toStdout: true });
    expect(through).toEqual(direct);
    expect(through.headers).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/);
    expect(through.stdout).toContain(seededSha256(23, payload.length));
    expect(through.log).toEqual(['connection', 'expects 100-continue', 'PUT /continue HTTP/1.1']);
  });

  test('a server that answers 417 is asked again without the expectation', async (context) => {
    const args = [...expecting, '-X', 'PUT', '--data-binary', '@-'];
    const { direct, through } = await curlBothWays(context, '/refuse', args, { input: payload, toStdout: true });
    expect(through).toEqual(direct);
    expect(through.log).toContain('expects 100-continue');
    expect(through.headers).toMatch(/^HTTP\/1.1 417 /);
  });

  test('a server that forbids an upload before it came is understood, and nothing is sent', async (context) => {
    const args = [...expecting, '-X', 'PUT', '--data-binary', '@-', '-w', '%{http_code} %{size_upload}'];
    const { direct, through } = await curlBothWays(context, '/forbid', args, { input: payload, toStdout: true });
    expect(through).toEqual(direct);
    expect(through.stdout).toBe('no\n403 0');
  });

  test('200 MB up arrive with their checksum', async (context) => {
    const file = join(directory, 'large');
    const sha256 = writeSeededFile(file, 24, largeBytes);
    const { direct, through } = await curlBothWays(context, '/up', ['-T', file], { toStdout: true });
    expect(through).toEqual(direct);
    expect(through.stdout).toBe(`encoding none length ${largeBytes} bytes ${largeBytes} sha256 ${sha256}\n`);
    rmSync(file);
  });

  test('200 MB down arrive with their checksum', async (context) => {
    const { direct, through } = await curlBothWays(context, `/bytes/25/${largeBytes}`, []);
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ code: 0, bytes: largeBytes, sha256: seededSha256(25, largeBytes) });
  });

  test('200 requests use one connection, and their answers keep their order', async (context) => {
    const { direct, through } = await curlBothWays(context, '/n/[1-200]', ['-w', '%{num_connects}\n'], {
      toStdout: true,
    });
    expect({ ...through, headers: '' }).toEqual({ ...direct, headers: '' });
    expect(through.log.filter((line) => line === 'connection')).toHaveLength(1);
    expect(through.stdout).toMatch(/^GET \/n\/1\n1\nGET \/n\/2\n0\n[\s\S]*GET \/n\/200\n0\n$/);
  });

  test('50 requests at once keep their bytes apart', async (context) => {
    const curl = requireProgram(context, 'curl');
    const target = testDirectory();
    const { direct, through } = await bothWays(tunnel, async (port, way) => {
      const result = await runProgram(curl, [
        ...['-q', '-sS', '--noproxy', '*', '--parallel', '--parallel-max', '50', '--create-dirs'],
        ...['-o', `${target}/${way}/#1`, `http://127.0.0.1:${port}/bytes/[1-50]/200001`],
      ]);
      const names = Array.from({ length: 50 }, (_, index) => `${target}/${way}/${index + 1}`);
      return {
        code: result.code,
        stdout: result.stdout,
        sums: await Promise.all(names.map((name) => sha256OfFile(name))),
      };
    });
    expect(through).toEqual(direct);
    expect(through.sums).toEqual(Array.from({ length: 50 }, (_, index) => seededSha256(index + 1, 200_001)));
  });
});

describe('the end of a connection, as curl tells it', () => {
  /** A server that reads one request and then does this. */
  async function serve(
    context: SkippableTest,
    args: readonly string[],
    answer: (socket: net.Socket) => Promise<unknown> | unknown,
  ): Promise<BothWays<CurlResult>> {
    await using server = await startServer((socket) => {
      socket.once('data', () => void answer(socket));
    });
    return await curlBothWays(context, '/', args, { tunnel: await tunnels.open(server.port) });
  }

  test('HTTP/1.0: a body without a length is whole when the connection ends in order', async (context) => {
    const { direct, through } = await serve(context, ['--http1.0'], async (socket) => {
      socket.write('HTTP/1.0 200 OK\r\nContent-Type: x/y\r\n\r\n');
      await writeAll(socket, seededChunks(26, 5_000_000));
      socket.end();
    });
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ code: 0, sha256: seededSha256(26, 5_000_000) });
  });

  test('a body that is shorter than its length is a partial file', async (context) => {
    const { direct, through } = await serve(context, [], (socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789'),
    );
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ code: 18, bytes: 10 });
  });

  test('a body that is reset is no whole body, also where only the end tells its length', async (context) => {
    const { direct, through } = await serve(context, ['--http1.0'], (socket) => {
      socket.write('HTTP/1.0 200 OK\r\n\r\n0123456789', () => setTimeout(() => socket.resetAndDestroy(), 200));
    });
    expect(through).toMatchObject({ code: direct.code, stderr: direct.stderr });
    expect(through.code).toBe(56);
  });

  test('a connection that ends without an answer is an empty reply', async (context) => {
    const { direct, through } = await serve(context, [], (socket) => socket.end());
    expect(through).toEqual(direct);
    expect(through.code).toBe(52);
  });

  test('a port where nobody listens fails both ways, through the tunnel with a reset', async (context) => {
    const server = await startServer(() => {});
    const { port } = server;
    await server.close();
    const { direct, through } = await curlBothWays(context, '/', [], { tunnel: await tunnels.open(port) });
    // The local port takes the connection before the target is asked: a known difference, see docs/programs.md.
    expect(direct.code).toBe(7);
    expect(through.code).toBe(56);
  });
});
