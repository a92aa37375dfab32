import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { createProxyTunnel } from './proxy.js';
import { openWebSocket, usesZeroMask } from './websocket-node.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
  vi.unstubAllEnvs();
});

const options = { subprotocol: 'sealane.1', maxMessageBytes: 1_000, proxy: false as const };

async function echoServer(): Promise<{ url: string; port: number; server: WebSocketServer }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    // At once with the upgrade, before the client could have asked for it.
    socket.send(Buffer.from('hello'));
    socket.on('message', (data) => socket.send(data as Buffer));
  });
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `ws://127.0.0.1:${port}`, port, server };
}

describe('openWebSocket', () => {
  it('loses nothing that arrives before the start, and counts bytes both ways', async () => {
    const { url } = await echoServer();
    const link = await openWebSocket(url, options);
    await new Promise((resolve) => setImmediate(resolve));
    const messages: string[] = [];
    const ended = new Promise<{ clean: boolean; code?: number }>((resolve) => {
      link.start({
        onMessage: (message) => {
          messages.push(Buffer.from(message).toString());
          if (messages.length === 2) link.close(1000);
        },
        onDrain: () => undefined,
        onEnd: resolve,
      });
    });
    link.send(Buffer.from('again'));
    expect(await ended).toMatchObject({ clean: true, code: 1000 });
    expect(messages).toEqual(['hello', 'again']);
    expect([link.sentBytes, link.queuedBytes, link.receivedBytes > 0]).toEqual([5, 0, true]);
  });

  it('ends the link on a message above the limit', async () => {
    const { url } = await echoServer();
    const link = await openWebSocket(url, options);
    const ended = new Promise((resolve) => {
      link.start({ onMessage: () => undefined, onDrain: () => undefined, onEnd: resolve });
    });
    link.send(new Uint8Array(1_001));
    expect(await ended).toMatchObject({ clean: false });
  });

  it('offers no compression', async () => {
    const { url, server } = await echoServer();
    const headers = new Promise((resolve) => {
      server.once('headers', (_, request) => resolve(request.headers['sec-websocket-extensions']));
    });
    (await openWebSocket(url, options)).abort();
    expect(await headers).toBeUndefined();
  });

  it('is ERR_LINK_FAILED where nobody listens, and ERR_ABORTED by the signal', async () => {
    await expect(openWebSocket('ws://127.0.0.1:1', options)).rejects.toMatchObject({ code: 'ERR_LINK_FAILED' });
    const silent = net.createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    closers.push(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const signal = AbortSignal.timeout(50);
    await expect(openWebSocket(`ws://127.0.0.1:${port}`, { ...options, signal })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
  });

  it.each(['a relay that drips its answer', 'a proxy that drips its answer', 'a proxy that is silent'])(
    'gives up 10 s after the start on %s, and ends the connection',
    async (who) => {
      const isProxy = who.startsWith('a proxy');
      const server = net.createServer();
      const asked = new Promise<net.Socket>((resolve) => {
        server.on('connection', (socket) => {
          socket.on('error', () => undefined);
          socket.once('data', () => resolve(socket));
        });
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      closers.push(() => server.close());
      const here = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      closers.push(() => vi.useRealTimers());
      const opened = isProxy
        ? openWebSocket('ws://relay.example:9000', { ...options, proxy: `http://${here}` })
        : openWebSocket(`ws://${here}`, options);
      let failure: unknown;
      const settled = opened.catch((error: unknown) => {
        failure = error;
      });
      const socket = await asked;
      const closed = once(socket, 'close');
      for (let second = 0; second < 9; second++) {
        if (who.endsWith('drips its answer')) socket.write(second === 0 ? 'HTTP/1.1 200 OK\r\n' : `X-${second}: 0\r\n`);
        vi.advanceTimersByTime(1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(failure).toBeUndefined();
      vi.advanceTimersByTime(1_000);
      await settled;
      expect(failure).toMatchObject({ code: isProxy ? 'ERR_LINK_PROXY' : 'ERR_LINK_FAILED', retryable: true });
      await closed;
    },
  );

  it('goes through the proxy of the environment', async () => {
    const { port } = await echoServer();
    // Only the proxy knows this name; what is on this machine would not go through it.
    const url = `ws://relay.test:${port}`;
    const asked: string[] = [];
    const proxy = http.createServer();
    proxy.on('connect', (request, client) => {
      asked.push(request.url ?? '');
      const target = net.connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        target.pipe(client).pipe(target);
      });
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    closers.push(() => {
      proxy.close();
    });
    vi.stubEnv('http_proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv('no_proxy', '');
    const { proxy: _, ...fromEnvironment } = options;
    const link = await openWebSocket(url, fromEnvironment);
    link.abort();
    expect(asked).toEqual([`relay.test:${port}`]);
    expect(await createProxyTunnel(`ws://127.0.0.1:${port}`, {})).toBeUndefined();
    vi.stubEnv('no_proxy', 'relay.test');
    expect(await createProxyTunnel(url, {})).toBeUndefined();
  });
});

describe('usesZeroMask', () => {
  it.each([
    ['wss://relay.example.org', false, true],
    ['ws://127.0.0.1:80', false, true],
    ['ws://[::1]:80', false, true],
    ['ws://localhost:80', false, true],
    ['ws://relay.example.org', false, false],
    ['ws://127.0.0.1.example.org', false, false],
    ['ws://127.0.0.1:80', true, false],
  ])('%s, proxied %s: %s', (url, proxied, expected) => {
    expect(usesZeroMask(url, 'auto', proxied)).toBe(expected);
    expect(usesZeroMask(url, 'random', proxied)).toBe(false);
    expect(usesZeroMask(url, 'zero', proxied)).toBe(true);
  });
});
