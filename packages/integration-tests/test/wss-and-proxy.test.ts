import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCrypto } from '@sealane/crypto';
import { Credential, SigningKey } from '@sealane/crypto/credential';
import { RelayServer } from '@sealane/server';
import {
  exchange as exchangeBytes,
  requireProgram,
  runProcess,
  type SkippableTest,
  startEchoServer,
  stopAllProcesses,
  type TestServer,
} from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ClientStack, exchange } from './support/client-stack.js';
import { startCli } from './three-processes.js';

/** A name that only the proxy of this test knows: whoever reaches it went through the proxy. */
const hiddenHost = 'relay.sealane.test';
const proxyVariables = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];

let directory: string;
let echo: TestServer;
let stack = new ClientStack();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-tls-'));
  echo = await startEchoServer();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await stopAllProcesses();
  await stack.close();
  stack = new ClientStack();
});
afterAll(async () => {
  await echo.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Authority {
  readonly caFile: string;
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

const authorities = new Map<string, Promise<Authority>>();

/** A private certificate authority and a certificate of it for this machine and the hidden host. */
function authority(test: SkippableTest, name: string): Promise<Authority> {
  const openssl = requireProgram(test, 'openssl');
  let made = authorities.get(name);
  if (made === undefined) {
    made = makeAuthority(openssl, name);
    authorities.set(name, made);
  }
  return made;
}

async function makeAuthority(openssl: string, name: string): Promise<Authority> {
  const file = (suffix: string): string => join(directory, `${name}-${suffix}`);
  const run = async (...args: string[]): Promise<void> => {
    const [first = '', ...rest] = args;
    const { code, stderr } = await runProcess(first, rest, { command: openssl });
    if (code !== 0) throw new Error(`openssl ${first} failed: ${stderr}`);
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run(
    ...['req', '-x509', ...newKey, '-subj', `/CN=${name} authority`, '-days', '2'],
    ...['-keyout', file('ca.key'), '-out', file('ca.pem')],
  );
  await run(...['req', ...newKey, '-subj', `/CN=${hiddenHost}`, '-keyout', file('host.key'), '-out', file('host.csr')]);
  writeFileSync(file('ext'), `subjectAltName=DNS:${hiddenHost},DNS:localhost,IP:127.0.0.1,IP:::1\n`);
  await run(
    ...['x509', '-req', '-in', file('host.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'],
    ...['-days', '2', '-extfile', file('ext'), '-out', file('host.pem')],
  );
  const read = (suffix: string): string => readFileSync(file(suffix), 'utf8');
  return { caFile: file('ca.pem'), ca: read('ca.pem'), key: read('host.key'), cert: read('host.pem') };
}

/** A relay behind the HTTP(S) server of somebody else, as behind an own TLS set-up. */
async function attachedRelay(tls?: Authority, host = '127.0.0.1'): Promise<{ port: number; id: string }> {
  await loadCrypto();
  const server = tls === undefined ? http.createServer() : https.createServer({ key: tls.key, cert: tls.cert });
  const relay = await RelayServer.create({ identity: await Credential.create(), nodeKey: SigningKey.create() });
  relay.attach(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  stack.onClose(() => {
    server.closeAllConnections();
    server.close();
  });
  stack.onClose(() => relay.close());
  return { port: (server.address() as AddressInfo).port, id: relay.id };
}

interface Proxy {
  readonly url: string;
  /** HOST:PORT of every CONNECT, in order. */
  readonly asked: string[];
  /** The `Proxy-Authorization` headers, in order. */
  readonly authorizations: (string | undefined)[];
  /** Answer every CONNECT with this status from now on. */
  status: number;
  close(): void;
}

/** A real proxy that knows one method and sends every tunnel to this machine. */
async function startProxy(): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = http.createServer((_, response) => {
    response.writeHead(405).end();
  });
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const proxy: Proxy = { url: '', asked: [], authorizations: [], status: 200, close };
  server.on('connect', (request, client: Socket) => {
    proxy.asked.push(request.url ?? '');
    proxy.authorizations.push(request.headers['proxy-authorization']);
    client.on('error', () => client.destroy());
    if (proxy.status !== 200) {
      client.end(`HTTP/1.1 ${proxy.status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const port = Number(/:(\d+)$/.exec(request.url ?? '')?.[1]);
    const target = net.connect({ port, host: '127.0.0.1' }, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(target).pipe(client);
    });
    sockets.add(client).add(target);
    target.on('error', () => client.destroy());
    client.on('close', () => target.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stack.onClose(close);
  return Object.assign(proxy, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** The proxy environment of this process: these variables and no others. */
function setProxies(variables: Readonly<Record<string, string>>): void {
  for (const name of [...proxyVariables, ...proxyVariables.map((upper) => upper.toLowerCase())]) vi.stubEnv(name, '');
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

async function carriesBytes(url: string, options: { ca?: string; proxy?: string | false } = {}): Promise<void> {
  const { listener } = await stack.echoOwner(url, {}, options);
  const dialer = await stack.client(url, options);
  const stream = await dialer.openStream(listener.address);
  const answer = await exchange(stream, Buffer.alloc(300_000, 'sealane'));
  expect(Buffer.from(answer).equals(Buffer.alloc(300_000, 'sealane'))).toBe(true);
}

describe('wss', () => {
  it('works with a private certificate authority, by name and by IP address', async (test) => {
    const tls = await authority(test, 'private');
    const { port, id } = await attachedRelay(tls);
    await carriesBytes(`wss://127.0.0.1:${port}#${id}`, { ca: tls.ca, proxy: false });
    await carriesBytes(`wss://localhost:${port}`, { ca: tls.ca, proxy: false });
  });

  it('works over IPv6', async (test) => {
    const tls = await authority(test, 'private');
    const { port } = await attachedRelay(tls, '::1');
    await carriesBytes(`wss://[::1]:${port}`, { ca: tls.ca, proxy: false });
  });

  it('refuses a relay whose certificate is of another authority, and says that waiting is no use', async (test) => {
    const { port } = await attachedRelay(await authority(test, 'private'));
    const { ca } = await authority(test, 'wrong');
    const refused = { code: 'ERR_LINK_CERTIFICATE', retryable: false };
    await expect(stack.client(`wss://127.0.0.1:${port}`, { ca, proxy: false })).rejects.toMatchObject(refused);
    await expect(stack.client(`wss://127.0.0.1:${port}`, { proxy: false })).rejects.toMatchObject(refused);
    const waiting = stack.client(`wss://127.0.0.1:${port}`, { ca, proxy: false, retry: true });
    await expect(waiting).rejects.toMatchObject(refused);
  });

  it('refuses a certificate of the right authority for another host', async (test) => {
    const tls = await authority(test, 'private');
    const { port } = await attachedRelay(tls);
    await expect(stack.client(`wss://127.0.0.2:${port}`, { ca: tls.ca, proxy: false })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_LINK_(CERTIFICATE|FAILED)$/),
    });
    const proxy = await startProxy();
    const other = stack.client(`wss://other.sealane.test:${port}`, { ca: tls.ca, proxy: proxy.url });
    await expect(other).rejects.toMatchObject({ code: 'ERR_LINK_CERTIFICATE' });
  });

  it('is what expose and connect take with --ca; without it they end with the way out', async (test) => {
    const tls = await authority(test, 'private');
    const { port } = await attachedRelay(tls);
    const relay = ['--relay', `wss://localhost:${port}`];
    const ca = ['--ca', tls.caFile];
    const [ownerHome, dialerHome] = [join(directory, 'owner'), join(directory, 'dialer')];
    const owner = startCli(ownerHome, ['expose', String(echo.port), '--allow-any', '--json', ...relay, ...ca]);
    const { address } = await owner.waitFor('ready');
    const connect = ['connect', String(address), '--listen', '127.0.0.1:0', '--json'];
    const dialer = startCli(dialerHome, [...connect, ...ca]);
    const local = String((await dialer.waitFor('listening'))['address']);
    const answer = await exchangeBytes({ port: Number(local.split(':')[1]) }, [Buffer.from('over tls')]);
    expect(answer).toMatchObject({ bytes: 8, end: 'fin' });

    const wrong = (await authority(test, 'wrong')).caFile;
    for (const args of [[...connect], [...connect, '--ca', wrong]]) {
      const refused = startCli(dialerHome, args);
      expect((await refused.exited).code).toBe(1);
      expect(refused.stderr).toMatch(/^error: .*--ca.* \(ERR_LINK_CERTIFICATE\)$/m);
    }
    const other = startCli(ownerHome, ['expose', '1', '--service', 'other', '--allow-any', ...relay, '--ca', wrong]);
    expect((await other.exited).code).toBe(1);
    expect(other.stderr).toMatch(/^error: .*--ca.* \(ERR_LINK_CERTIFICATE\)$/m);
    const noPem = startCli(dialerHome, [...connect, '--ca', join(directory, 'private-ext')]);
    expect((await noPem.exited).code).toBe(1);
    expect(noPem.stderr).toMatch(/^error: .*no certificate.* \(ERR_CONFIG\)$/m);
  });
});

describe('a proxy', () => {
  it('from HTTPS_PROXY carries wss links, with the certificate checked for the relay behind it', async (test) => {
    const tls = await authority(test, 'private');
    const { port, id } = await attachedRelay(tls);
    const proxy = await startProxy();
    setProxies({ HTTPS_PROXY: proxy.url });
    await carriesBytes(`wss://${hiddenHost}:${port}#${id}`, { ca: tls.ca });
    expect(proxy.asked).toEqual([`${hiddenHost}:${port}`, `${hiddenHost}:${port}`]);
  });

  it('from HTTPS_PROXY carries ws links too, and HTTP_PROXY comes first for them', async () => {
    const { port } = await attachedRelay();
    const [first, second] = [await startProxy(), await startProxy()];
    setProxies({ HTTPS_PROXY: first.url });
    await carriesBytes(`ws://${hiddenHost}:${port}`);
    expect(first.asked).toHaveLength(2);
    setProxies({ HTTPS_PROXY: first.url, HTTP_PROXY: second.url });
    await carriesBytes(`ws://${hiddenHost}:${port}`);
    expect([first.asked.length, second.asked.length]).toEqual([2, 2]);
  });

  it('may be written in small letters, without its scheme, and with a user and a password', async () => {
    const { port } = await attachedRelay();
    const proxy = await startProxy();
    setProxies({ https_proxy: proxy.url.replace('http://', '') });
    await carriesBytes(`ws://${hiddenHost}:${port}`);
    setProxies({ HTTPS_PROXY: proxy.url.replace('://', '://user:pass%20word@') });
    await carriesBytes(`ws://${hiddenHost}:${port}`);
    expect(proxy.authorizations.at(-1)).toBe(`Basic ${Buffer.from('user:pass word').toString('base64')}`);
  });

  it('is not used for what NO_PROXY names, nor for this machine', async () => {
    const { port } = await attachedRelay();
    const proxy = await startProxy();
    setProxies({ HTTPS_PROXY: proxy.url, NO_PROXY: `example.org,${hiddenHost}` });
    // Without the proxy nobody knows the name.
    await expect(stack.client(`ws://${hiddenHost}:${port}`)).rejects.toMatchObject({ code: 'ERR_LINK_FAILED' });
    setProxies({ HTTPS_PROXY: proxy.url });
    await carriesBytes(`ws://127.0.0.1:${port}`);
    await carriesBytes(`ws://localhost:${port}`);
    expect(proxy.asked).toEqual([]);
  });

  it('that refuses is named in the error, without its password; only what may pass is tried again', async () => {
    const { port } = await attachedRelay();
    const proxy = await startProxy();
    setProxies({ HTTPS_PROXY: proxy.url.replace('://', '://user:secret@') });
    for (const [status, retryable] of [
      [407, false],
      [403, false],
      [502, true],
    ] as const) {
      proxy.status = status;
      const error: unknown = await stack.client(`ws://${hiddenHost}:${port}`).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ERR_LINK_PROXY', retryable, details: { status } });
      expect(String(error)).toContain(`${proxy.url} `);
      expect(String(error)).not.toContain('secret');
    }
    proxy.close();
    await expect(stack.client(`ws://${hiddenHost}:${port}`)).rejects.toMatchObject({
      code: 'ERR_LINK_PROXY',
      retryable: true,
    });
    setProxies({ HTTPS_PROXY: 'socks5://user:secret@127.0.0.1:1' });
    const wrong: unknown = await stack.client(`ws://${hiddenHost}:${port}`).catch((thrown: unknown) => thrown);
    expect(wrong).toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(String(wrong)).not.toContain('secret');
  });

  it('is what expose and connect use; one that refuses ends them with the way out', async () => {
    const { port } = await attachedRelay();
    const proxy = await startProxy();
    setProxies({ HTTPS_PROXY: proxy.url });
    const relay = ['--relay', `ws://${hiddenHost}:${port}`, '--json'];
    const owner = startCli(join(directory, 'owner'), ['expose', String(echo.port), '--allow-any', ...relay]);
    const { address } = await owner.waitFor('ready');
    const connect = ['connect', String(address), '--listen', '127.0.0.1:0', '--json'];
    const dialer = startCli(join(directory, 'dialer'), connect);
    const local = String((await dialer.waitFor('listening'))['address']);
    const answer = await exchangeBytes({ port: Number(local.split(':')[1]) }, [Buffer.from('tunnelled')]);
    expect(answer).toMatchObject({ bytes: 9, end: 'fin' });
    expect(new Set(proxy.asked)).toEqual(new Set([`${hiddenHost}:${port}`]));

    proxy.status = 407;
    const refused = startCli(join(directory, 'dialer'), connect);
    expect((await refused.exited).code).toBe(1);
    expect(refused.stderr).toMatch(/^error: .*407.*HTTPS_PROXY.* \(ERR_LINK_PROXY\)$/m);
  });
});
