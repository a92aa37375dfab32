import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram, type SkippableTest, seededSha256, skipTest, stopAllProcesses } from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256OfFile, testDirectory } from './support/files.js';
import { type Certificate, H2Backend } from './support/h2-backend.js';
import { H2Client } from './support/h2-client.js';
import { bothWays, outputOf, runProgram } from './support/run-program.js';
import { type Tunnel, Tunnels } from './support/tunnels.js';

let directory: string;
let tunnels: Tunnels;
let clear: { readonly backend: H2Backend; readonly tunnel: Tunnel };
let secured: Promise<{ backend: H2Backend; tunnel: Tunnel; certificate: Certificate }> | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-h2-'));
  tunnels = await Tunnels.create();
  const backend = await H2Backend.start();
  clear = { backend, tunnel: await tunnels.open(backend.port) };
});
afterAll(async () => {
  await tunnels[Symbol.asyncDispose]();
  await clear.backend[Symbol.asyncDispose]();
  await (await secured?.catch(() => undefined))?.backend[Symbol.asyncDispose]();
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

/** The same over TLS, which runs end to end inside the tunnel. */
function overTls(context: SkippableTest): Promise<{ backend: H2Backend; tunnel: Tunnel; certificate: Certificate }> {
  const openssl = requireProgram(context, 'openssl');
  secured ??= (async () => {
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', '2'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    await outputOf(openssl, ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject]);
    const certificate = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    const backend = await H2Backend.start(certificate);
    return { backend, tunnel: await tunnels.open(backend.port), certificate };
  })();
  return secured;
}

describe("Node's own HTTP/2 over the raw tunnel", () => {
  test.for(['with prior knowledge', 'over TLS end to end'])(
    '%s: 200 streams at once keep their bytes',
    async (kind, context) => {
      const tls = kind === 'over TLS end to end' ? await overTls(context) : undefined;
      const { backend, tunnel } = tls ?? clear;
      const { direct, through } = await bothWays(tunnel, async (port) => {
        const client = await H2Client.open(port, tls?.certificate.cert);
        const answers = await Promise.all([
          ...Array.from({ length: 100 }, (_, n) => client.post('/echo', n, 100_000)),
          ...Array.from({ length: 100 }, (_, n) => client.get(`/bytes/${n}/${n * 1_000}`)),
        ]);
        const large = await client.post('/echo', 31, 20_000_000);
        const summed = await client.post('/sum', 32, 20_000_000);
        const others = [await client.get('/reset'), await client.get('/nothing'), await client.ping('pingpong')];
        // The server ends the session in good order while an answer is on its way.
        const last = client.get('/bytes/33/5000000');
        await client.ping('8 bytes!');
        backend.goAway();
        const finished = await last;
        await client.close();
        return { answers, large, summed, others, finished };
      });
      expect(through).toEqual(direct);
      for (const [n, { sha256 }] of through.answers.slice(0, 100).entries())
        expect(sha256).toBe(seededSha256(n, 100_000));
      expect(through.large).toMatchObject({ bytes: 20_000_000, sha256: seededSha256(31, 20_000_000), code: 0 });
      expect(through.summed.trailer).toBe(seededSha256(32, 20_000_000));
      expect(through.others).toMatchObject([{ code: 2 }, { status: 404 }, 'pingpong']);
      expect(through.finished).toMatchObject({ bytes: 5_000_000, sha256: seededSha256(33, 5_000_000), code: 0 });
    },
  );
});

describe('HTTP/2 programs over the raw tunnel', () => {
  test.for(['with prior knowledge', 'over TLS end to end'])('curl, %s', async (kind, context) => {
    const curl = requireProgram(context, 'curl');
    const { stdout: version } = await runProgram(curl, ['--version']);
    if (!/\bHTTP2\b/.test(version)) skipTest(context, 'this curl was built without HTTP/2');
    const tls = kind === 'over TLS end to end' ? await overTls(context) : undefined;
    const target = testDirectory();
    const { direct, through } = await bothWays((tls ?? clear).tunnel, async (port, way) => {
      const scheme =
        tls === undefined ? ['--http2-prior-knowledge'] : ['--http2', '--cacert', join(directory, 'cert.pem')];
      const base = tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
      const options = ['-q', '-sS', '--noproxy', '*', '--ipv4', ...scheme];
      // With prior knowledge some versions of curl cannot use a session for a second request, on no way.
      const count = tls === undefined ? 1 : 50;
      const one = await runProgram(curl, [
        ...[...options, '-D', '-', '-o', join(target, way), '-w', '%{http_version} %{http_code}'],
        `${base}/bytes/34/30000000`,
      ]);
      const several = await runProgram(curl, [
        ...options,
        '--parallel',
        '-w',
        '%{http_version}\n',
        `${base}/x/[1-${count}]`,
      ]);
      const stdout = one.stdout.replace(/^date: .*\r\n/m, '');
      return {
        one: { ...one, stdout },
        several: several.stdout.split('\n').sort(),
        code: several.code,
        sha256: await sha256OfFile(join(target, way)),
      };
    });
    expect(through.one).toEqual(direct.one);
    expect(through).toMatchObject({ code: 0, several: direct.several, sha256: seededSha256(34, 30_000_000) });
    expect(through.one.stdout).toMatch(/2 200$/);
  });

  test('nghttp fetches many objects and verifies their lengths', async (context) => {
    const nghttp = requireProgram(context, 'nghttp');
    const { direct, through } = await bothWays(clear.tunnel, async (port) => {
      const urls = Array.from({ length: 20 }, (_, n) => `http://127.0.0.1:${port}/bytes/35/${1 + n * 10_000}`);
      const { code, stdout } = await runProgram(nghttp, ['-n', '-s', ...urls]);
      const lines = stdout.split('\n').filter((line) => /\/bytes\//.test(line));
      // Number, times, status, size and path: the times differ.
      return { code, objects: lines.map((line) => line.trim().split(/\s+/).slice(-3).join(' ')).sort() };
    });
    expect(through).toEqual(direct);
    expect(through.objects).toHaveLength(20);
    expect(through.objects.every((line) => line.startsWith('200 '))).toBe(true);
  });

  test.for(['with prior knowledge', 'over TLS end to end'])(
    'h2load, %s: every request succeeds',
    async (kind, context) => {
      const h2load = requireProgram(context, 'h2load');
      const tls = kind === 'over TLS end to end' ? await overTls(context) : undefined;
      const { direct, through } = await bothWays((tls ?? clear).tunnel, async (port) => {
        const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/bytes/36/5000`;
        const { code, stdout } = await runProgram(h2load, ['-n', '2000', '-c', '8', '-m', '32', url]);
        const requests = stdout.split('\n').filter((line) => /^(requests|status codes):/.test(line));
        const data = /\((\d+)\) data/.exec(stdout)?.[1];
        return { code, requests, data };
      });
      expect(through).toEqual(direct);
      expect(through.requests[0]).toMatch(/2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout/);
      expect(through.data).toBe('10000000');
    },
  );
});
