import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Credential, SigningKey } from '@sealane/crypto/credential';
import { MessageKind, RelayCode, ResetCode, systemClock } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { RelayServer } from '../src/relay-server.js';
import { ClientSocket, listenRelay, openRaw, upgradeRequest } from './relay-on-socket.js';
import { ScriptedClient } from './scripted-client.js';

describe('a relay on real sockets', () => {
  it.each(['127.0.0.1', '::1'])('carries 8 MiB both ways between two clients on %s', async (host) => {
    const { key, url, connect, relay } = await listenRelay({}, host);
    expect(url).toMatch(host === '::1' ? /^ws:\/\/\[::1\]:\d+$/ : /^ws:\/\/127\.0\.0\.1:\d+$/);
    const credential = await Credential.create();
    const owner = await connect({ signer: credential });
    const dialer = await connect();
    const request = owner.register(key, { name: 'box' });
    await owner.until(() => owner.answerTo(request) !== undefined, 'registered');
    const { seen, stream } = dialer.connect(credential.publicKey);
    await owner.until(() => owner.forwards.length === 1, 'forwarded');
    const ownerSeen = owner.accept(0);
    await dialer.until(() => seen.answer?.kind === MessageKind.ACCEPT, 'accepted');
    const total = 8 << 20;
    for (let sent = 0; sent < total; sent += 65_536) {
      stream.write(new Uint8Array(65_536));
      ownerSeen.stream?.write(new Uint8Array(65_536));
    }
    stream.end();
    ownerSeen.stream?.end();
    dialer.flush();
    owner.flush();
    await dialer.until(() => seen.fin && ownerSeen.fin, 'both directions ended');
    expect([seen.bytes, ownerSeen.bytes]).toEqual([total, total]);
    await dialer.until(() => relay.statistics().budgetUsedBytes === 0, 'nothing is held');
    expect(relay.statistics()).toMatchObject({ sessions: 0, links: 2, relayedBytes: 2 * total });
  });

  it('holds little for a receiver that does not read its socket, and stops the sender', async () => {
    const { key, connect, relay } = await listenRelay({ limits: { linkBusyDeadMs: 60_000, linkIdleDeadMs: 60_000 } });
    const credential = await Credential.create();
    const owner = await connect({ signer: credential });
    const dialer = await connect();
    const request = owner.register(key);
    await owner.until(() => owner.answerTo(request) !== undefined, 'registered');
    const streams = Array.from({ length: 32 }, () => dialer.connect(credential.publicKey));
    await owner.until(() => owner.forwards.length === 32, 'forwarded');
    for (let i = 0; i < 32; i++) owner.accept(i);
    await dialer.until(() => streams.every(({ seen }) => seen.answer !== undefined), 'accepted');
    (owner.link as ClientSocket).webSocket.pause();
    for (const { stream } of streams) for (let i = 0; i < 64; i++) stream.write(new Uint8Array(65_536));
    dialer.flush();
    const queued = (): number => streams.reduce((sum, { stream }) => sum + stream.queuedBytes, 0);
    let before = -1;
    while (before !== queued()) {
      before = queued();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    // Each stream has one window at the relay, and the socket its queue: of 128 MiB nothing more leaves the sender.
    expect(relay.statistics().budgetUsedBytes).toBeLessThan(32 * (262_144 + 4 * 128) + 2 * 262_144);
    expect(queued()).toBeGreaterThan(100 << 20);
    expect(relay.statistics().links).toBe(2);
  });

  it('serves beside other uses of a server it is attached to', async () => {
    const { relay } = await listenRelay();
    const server = createServer((_request, response) => response.end('page'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    relay.attach(server, { path: '/relay' });
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('page');
    const client = new ScriptedClient(new ClientSocket(`ws://127.0.0.1:${port}/relay?x=1`), systemClock);
    await client.until(() => client.isUp, 'the link is up');
    const elsewhere = await openRaw('127.0.0.1', port);
    elsewhere.socket.write(upgradeRequest());
    await elsewhere.closed;
    expect(elsewhere.text()).toMatch(/^HTTP\/1.1 404 .*NOT_FOUND: /s);
    client.link.abort();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  });

  it('tells its links goodbye when it closes', async () => {
    const { relay, connect } = await listenRelay();
    const client = await connect();
    await relay.close();
    await client.until(() => client.end !== undefined, 'the link ended');
    expect(client.end).toMatchObject({ code: 1001 });
    await expect(relay.listen({ host: '127.0.0.1', port: 0 })).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('closes promptly when it is only attached, also with a client that does not answer', async () => {
    const identity = await Credential.create();
    const relay = await RelayServer.create({ identity, nodeKey: SigningKey.create() });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    relay.attach(server);
    const client = new ScriptedClient(new ClientSocket(`ws://127.0.0.1:${port}`), systemClock);
    await client.until(() => client.isUp, 'the link is up');
    const mute = await openRaw('127.0.0.1', port);
    mute.socket.write(upgradeRequest());
    await expect.poll(() => mute.text()).toContain('101 Switching Protocols');
    const startMs = performance.now();
    await relay.close();
    expect(performance.now() - startMs).toBeLessThan(2_000);
    await mute.closed;
    expect(relay.statistics()).toMatchObject({ sockets: 0, links: 0, budgetUsedBytes: 0 });
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  it('says which address cannot be listened on', async () => {
    const { relay, port } = await listenRelay();
    await expect(relay.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'ERR_LISTEN' });
  });
});

describe('HTTP', () => {
  it('answers a client of another version with 426 and its own subprotocol', async () => {
    const { raw, relay } = await listenRelay();
    const { socket, text, closed } = await raw();
    socket.write(upgradeRequest({ 'Sec-WebSocket-Protocol': 'sealane.9, chat' }));
    await closed;
    expect(text()).toMatch(/^HTTP\/1.1 426 Upgrade Required\r\n/);
    expect(text()).toContain('Sec-WebSocket-Protocol: sealane.1\r\n');
    expect(text()).toContain('VERSION: this relay speaks');
    expect(relay.statistics().refusals).toEqual({ VERSION: 1 });
  });

  it('answers a plain request with 426, and more than 8 KiB of headers with 431', async () => {
    const { raw, relay, port } = await listenRelay();
    const response = await fetch(`http://127.0.0.1:${port}/anything`);
    expect([response.status, await response.text()]).toEqual([426, expect.stringContaining('NOT_WEBSOCKET')]);
    const { socket, text, closed } = await raw();
    socket.write(upgradeRequest({ 'X-Long': 'a'.repeat(9_000) }));
    await closed;
    expect(text()).toMatch(/^HTTP\/1.1 431 .*HEADERS_TOO_LARGE/s);
    expect(relay.statistics().refusals).toEqual({ NOT_WEBSOCKET: 1, HEADERS_TOO_LARGE: 1 });
  });

  it('answers who takes it for a proxy', async () => {
    const { raw, relay } = await listenRelay();
    const { socket, text, closed } = await raw();
    socket.write('CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n');
    await closed;
    expect(text()).toMatch(/^HTTP\/1.1 426 Upgrade Required\r\n.*NOT_WEBSOCKET: this is a Sealane relay/s);
    expect(relay.statistics()).toMatchObject({ sockets: 0, refusals: { NOT_WEBSOCKET: 1 } });
  });

  it('answers 408 when the headers do not come in time', async () => {
    const { raw, relay } = await listenRelay({ limits: { headersTimeoutMs: 300 } });
    const { socket, text, closed } = await raw();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    await closed;
    expect(text()).toMatch(/^HTTP\/1.1 408 /);
    expect(relay.statistics().refusals).toEqual({ HEADERS_TIMEOUT: 1 });
  });

  it('limits by the address that a proxy on this machine names', async () => {
    const { raw, relay } = await listenRelay({ limits: { socketsPerAddress: 1 } });
    const headers = { 'X-Forwarded-For': '203.0.113.9' };
    const [first, second] = [await raw(), await raw()];
    first.socket.write(upgradeRequest(headers));
    await expect.poll(() => first.text()).toContain('101 Switching Protocols');
    second.socket.write(upgradeRequest(headers));
    await second.closed;
    expect(second.text()).toMatch(/^HTTP\/1.1 429 .*SOCKETS_PER_ADDRESS/s);
    expect(relay.statistics().refusals).toEqual({ SOCKETS_PER_ADDRESS: 1 });
  });

  it.each([
    { 'X-Forwarded-For': '' },
    { 'X-Forwarded-For': '127.0.0.1' },
    { 'X-Forwarded-For': '::1' },
    { 'X-Forwarded-For': 'nonsense, \u00ff' },
    { Forwarded: 'for=_hidden' },
    { Forwarded: '' },
  ])('never exempts a connection that was passed on: %o', async (headers) => {
    const { raw, relay } = await listenRelay({ limits: { socketsPerAddress: 1 } });
    const [first, second] = [await raw(), await raw()];
    first.socket.write(upgradeRequest(headers), 'latin1');
    await expect.poll(() => first.text()).toContain('101 Switching Protocols');
    second.socket.write(upgradeRequest(headers), 'latin1');
    await second.closed;
    expect(second.text()).toMatch(/^HTTP\/1.1 429 .*SOCKETS_PER_ADDRESS/s);
    expect(relay.statistics().refusals).toEqual({ SOCKETS_PER_ADDRESS: 1 });
  });

  it('answers 503 above the cap of all sockets', async () => {
    const { raw } = await listenRelay({ limits: { maxSockets: 1 } });
    await raw();
    const { text, closed } = await raw();
    await closed;
    expect(text()).toMatch(/^HTTP\/1.1 503 .*SOCKETS/s);
  });

  it('drops a socket that does not authenticate in time', async () => {
    const { connect, relay } = await listenRelay({ limits: { authTimeoutMs: 500 } });
    const client = await connect({ isSilent: true });
    await client.until(() => client.end !== undefined, 'dropped');
    expect(relay.statistics()).toMatchObject({ links: 0, unauthenticated: 0, refusals: { AUTH_TIMEOUT: 1 } });
    expect(client.errorCodes).toEqual([RelayCode.TIMEOUT]);
  });

  it('does not count a client that waits quietly after AUTH as a stranger', async () => {
    const { connect, relay } = await listenRelay({ limits: { authTimeoutMs: 500 } });
    const clients = await Promise.all([connect(), connect(), connect()]);
    const client = await connect();
    expect(client.isUp).toBe(true);
    expect(relay.statistics().unauthenticated).toBe(0);
    for (const each of clients) each.link.abort();
  });

  it('takes only so many strangers: one more, and another one goes', async () => {
    const count = process.env['SEALANE_LONG'] === undefined ? 200 : 2_000;
    const { raw, connect, relay } = await listenRelay({ limits: { maxUnauthenticated: count, authTimeoutMs: 60_000 } });
    const strangers = await Promise.all(Array.from({ length: count }, () => raw()));
    for (const { socket } of strangers) socket.write(upgradeRequest());
    const areUp = (): boolean => strangers.every(({ text }) => text().includes('101 Switching'));
    await expect.poll(areUp, { timeout: 20_000, interval: 100 }).toBe(true);
    expect(relay.statistics()).toMatchObject({ unauthenticated: count, refusals: {} });
    const friend = await connect();
    expect(friend.isUp).toBe(true);
    await expect.poll(() => strangers.filter(({ socket }) => socket.closed), { timeout: 20_000 }).toHaveLength(1);
    expect(relay.statistics()).toMatchObject({ unauthenticated: count - 1, refusals: { UNAUTHENTICATED: 1 } });
  });

  it('tells a stranger who has to go that it is busy', async () => {
    const { connect } = await listenRelay({ limits: { maxUnauthenticated: 1, authTimeoutMs: 60_000 } });
    const stranger = await connect({ isSilent: true });
    await stranger.until(() => stranger.hello !== undefined, 'the stranger is greeted');
    await connect();
    await stranger.until(() => stranger.end !== undefined, 'the stranger is gone');
    expect(stranger.errorCodes).toEqual([RelayCode.BUSY]);
  });
});

describe('streams over real sockets', () => {
  it('refuse with a code that arrives before the RESET', async () => {
    const { connect } = await listenRelay();
    const dialer = await connect();
    const asked = Array.from({ length: 50 }, () => dialer.connect(new Uint8Array(32).fill(3)).seen);
    await dialer.until(() => asked.every((seen) => seen.resetCode !== undefined), 'all refused');
    const codes = asked.map(({ answer }) => (answer?.kind === MessageKind.REJECT ? answer.code : undefined));
    expect(new Set(codes)).toEqual(new Set([RelayCode.NO_OWNER]));
    expect(new Set(asked.map(({ resetCode }) => resetCode))).toEqual(new Set([ResetCode.REFUSED]));
  });
});
