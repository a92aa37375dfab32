import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { RelayEvent } from '../src/event.js';
import type { RelayServerOptions } from '../src/options.js';
import { listenRelay, type RawSocket, upgradeRequest } from './relay-on-socket.js';

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

/** PROXY data of version 2 about a TCP connection over IPv4. */
function proxyHeader(source: string, extra: readonly number[] = []): Buffer {
  const rest = [...source.split('.').map(Number), 127, 0, 0, 1, 0x12, 0x34, 0x01, 0xbb, ...extra];
  return Buffer.from([...SIGNATURE, 0x21, 0x11, rest.length >> 8, rest.length & 0xff, ...rest]);
}

async function setup(options: Partial<RelayServerOptions> & { readonly proxyProtocol?: boolean } = {}) {
  const events: RelayEvent[] = [];
  const relay = await listenRelay({
    limits: { socketsPerAddress: 1 },
    onEvent: (event) => events.push(event),
    ...options,
  });
  const answered = (socket: RawSocket) =>
    expect.poll(() => /^HTTP\/1.1 (\d+)/.exec(socket.text())?.[1], { timeout: 20_000 });
  return {
    ...relay,
    warnings: () => events.filter((event) => event.type === 'warning'),
    /** The status of a request that comes with these headers, over a connection that stays open. */
    async ask(headers: Readonly<Record<string, string>>, localAddress = '127.0.0.1', before?: Uint8Array) {
      const socket = await relay.raw(localAddress);
      if (before !== undefined) socket.socket.write(before);
      socket.socket.write(upgradeRequest(headers), 'latin1');
      await answered(socket).toBeDefined();
      return Number(/^HTTP\/1.1 (\d+)/.exec(socket.text())?.[1]);
    },
  };
}

const xff = (value: string) => ({ 'X-Forwarded-For': value });

describe('X-Forwarded-For', () => {
  it('is believed of a trusted proxy: every client has its own limit', async () => {
    const { ask, warnings } = await setup({ trustedProxies: ['127.0.0.0/8'] });
    expect(await ask(xff('203.0.113.1'))).toBe(101);
    expect(await ask(xff('203.0.113.2'))).toBe(101);
    expect(await ask(xff('203.0.113.1'))).toBe(429);
    expect(await ask(xff('2001:db8::1'))).toBe(101);
    expect(await ask(xff('[2001:db8::ffff]:443'))).toBe(429);
    expect(await ask(xff('2001:db8:0:1::1'))).toBe(101);
    expect(warnings()).toEqual([]);
  });

  it.each([
    ['a client that writes an address before the one that the proxy appends', '198.51.100.7, 203.0.113.1'],
    ['a client that writes this machine', '127.0.0.1, 203.0.113.1'],
    ['a chain through a proxy of the operator', '198.51.100.7, 203.0.113.1, 10.1.2.3'],
    ['a port', '203.0.113.1:4711'],
    ['IPv4 within IPv6', '::ffff:203.0.113.1'],
    ['spaces and nothing between commas', ' , , 203.0.113.1 '],
    ['garbage before it', '\u00ff\u00fe<script>, unknown, _hidden, 203.0.113.1'],
    ['more hops than anybody has', `${'198.51.100.7, '.repeat(300)}203.0.113.1`],
  ])('gains nothing by %s', async (_lie, value) => {
    const { ask } = await setup({ trustedProxies: ['127.0.0.1', '10.0.0.0/8'] });
    expect(await ask(xff('203.0.113.1'))).toBe(101);
    expect(await ask(xff(value))).toBe(429);
  });

  it('is one list however many headers carry it', async () => {
    const { ask, raw } = await setup({ trustedProxies: ['127.0.0.1'] });
    expect(await ask(xff('203.0.113.1'))).toBe(101);
    const socket = await raw();
    const request = upgradeRequest(xff('127.0.0.1')).replace('\r\n\r\n', '\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n');
    socket.socket.write(request);
    await socket.closed;
    expect(socket.text()).toMatch(/^HTTP\/1.1 429 .*SOCKETS_PER_ADDRESS/s);
  });

  it.each(['', 'unknown', '203.0.113.1, 999.1.1.1', '1.2.3.4:99999999', '[::1', '[1.2.3.4]', '::1::', '0x7f.1', ','])(
    'counts who is behind %j as one client of the proxy, which is not exempt',
    async (value) => {
      const { ask } = await setup({ trustedProxies: ['127.0.0.1'] });
      expect(await ask(xff('nobody knows'))).toBe(101);
      expect(await ask(xff(value))).toBe(429);
    },
  );

  it('never exempts a connection that was passed on, whatever it names', async () => {
    const { ask } = await setup({ trustedProxies: ['127.0.0.1'] });
    expect(await ask(xff('127.0.0.1'))).toBe(101);
    expect(await ask(xff('127.0.0.1'))).toBe(429);
    expect(await ask(xff('::1'))).toBe(101);
    expect(await ask(xff('::1'))).toBe(429);
    expect(await ask({})).toBe(101);
    expect(await ask({})).toBe(101);
  });

  it('is not believed of anybody else, and the operator is told once', async () => {
    const { ask, warnings } = await setup();
    expect(await ask(xff('203.0.113.1'), '127.0.0.2')).toBe(101);
    expect(await ask(xff('203.0.113.2'), '127.0.0.2')).toBe(429);
    expect(await ask(xff('203.0.113.3'), '127.0.0.3')).toBe(101);
    expect(warnings()).toEqual([
      {
        type: 'warning',
        code: 'UNTRUSTED_PROXY',
        message: expect.stringMatching(/^127\.0\.0\.2 sends X-Forwarded-For /),
      },
    ]);
  });

  it('takes the exemption from this machine where it is not believed', async () => {
    for (const headers of [xff('203.0.113.1'), { Forwarded: 'for=203.0.113.1' }]) {
      const { ask, warnings } = await setup();
      expect(await ask({})).toBe(101);
      expect(await ask(headers)).toBe(101);
      expect(await ask({ ...headers, 'X-Forwarded-For': '203.0.113.9' })).toBe(429);
      expect(warnings()).toHaveLength(1);
    }
  });

  it('counts who is behind Forwarded alone as one client of the proxy', async () => {
    const { ask } = await setup({ trustedProxies: ['127.0.0.1'] });
    expect(await ask({ Forwarded: 'for=203.0.113.1' })).toBe(101);
    expect(await ask({ Forwarded: 'for=203.0.113.2' })).toBe(429);
  });

  it('does not limit a trusted proxy, however many it passes on', async () => {
    const { ask } = await setup({ trustedProxies: ['127.0.0.4'], limits: { socketsPerAddress: 2 } });
    for (let i = 0; i < 10; i++) expect(await ask(xff(`203.0.113.${i}`), '127.0.0.4')).toBe(101);
    const own = [await ask({}, '127.0.0.4'), await ask({}, '127.0.0.4'), await ask({}, '127.0.0.4')];
    expect(own).toEqual([101, 101, 429]);
  });

  it('shows bans whom they concern behind a proxy, also those who are connected', async () => {
    const { ask, raw, relay } = await setup({ trustedProxies: ['127.0.0.1'] });
    const open = await raw();
    open.socket.write(upgradeRequest(xff('203.0.113.77')));
    await expect.poll(() => open.text(), { timeout: 20_000 }).toContain('101 Switching');
    expect(await ask(xff('198.51.100.1'))).toBe(101);
    await relay.bans.add({ kind: 'network', value: '203.0.113.0/24', reason: 'flood' });
    await open.closed;
    expect(await ask(xff('203.0.113.78'))).toBe(403);
    expect(await ask(xff('203.0.113.78, 198.51.100.2'))).toBe(101);
  });

  it('is believed of other proxies when the list changes', async () => {
    const { ask, relay } = await setup();
    expect(await ask(xff('203.0.113.1'))).toBe(101);
    expect(await ask(xff('203.0.113.2'))).toBe(429);
    relay.setTrustedProxies(['127.0.0.1']);
    expect(await ask(xff('203.0.113.2'))).toBe(101);
    expect(() => relay.setTrustedProxies(['127.0.0.1/8'])).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });
});

describe('PROXY data', () => {
  const options = { trustedProxies: ['127.0.0.1'], proxyProtocol: true };

  it('names the client of a trusted proxy', async () => {
    const { ask } = await setup(options);
    expect(await ask({}, '127.0.0.1', proxyHeader('203.0.113.1'))).toBe(101);
    expect(await ask({}, '127.0.0.1', proxyHeader('203.0.113.1'))).toBe(429);
    expect(await ask({}, '127.0.0.1', proxyHeader('203.0.113.2', [0x01, 0, 2, 0x68, 0x32]))).toBe(101);
    expect(await ask({}, '127.0.0.1', proxyHeader('127.0.0.1'))).toBe(101);
    expect(await ask({}, '127.0.0.1', proxyHeader('127.0.0.1'))).toBe(429);
  });

  it('makes a client no proxy: what its request says is not believed', async () => {
    const { ask, warnings } = await setup(options);
    expect(await ask(xff('198.51.100.1'), '127.0.0.1', proxyHeader('203.0.113.1'))).toBe(101);
    expect(await ask(xff('198.51.100.2'), '127.0.0.1', proxyHeader('203.0.113.1'))).toBe(429);
    expect(warnings()).toHaveLength(1);
  });

  it('may name another trusted proxy, whose request names the client', async () => {
    const { ask } = await setup({ ...options, trustedProxies: ['127.0.0.1', '10.0.0.0/8'] });
    for (const client of ['203.0.113.1', '203.0.113.2']) {
      expect(await ask(xff(client), '127.0.0.1', proxyHeader('10.0.0.1'))).toBe(101);
    }
    expect(await ask(xff('203.0.113.2'), '127.0.0.1', proxyHeader('10.0.0.1'))).toBe(429);
  });

  it('that says LOCAL is of the proxy itself, and not exempt', async () => {
    const { ask } = await setup(options);
    const local = Buffer.from([...SIGNATURE, 0x20, 0x00, 0, 0]);
    expect(await ask({}, '127.0.0.1', local)).toBe(101);
    expect(await ask({}, '127.0.0.1', local)).toBe(429);
  });

  it('may come byte by byte, or together with the request', async () => {
    const { raw } = await setup(options);
    const slow = await raw();
    slow.socket.setNoDelay(true);
    for (const byte of proxyHeader('203.0.113.1')) {
      slow.socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    slow.socket.write(upgradeRequest());
    await expect.poll(() => slow.text(), { timeout: 20_000 }).toMatch(/^HTTP\/1.1 101 /);
    const whole = await raw();
    whole.socket.write(Buffer.concat([proxyHeader('203.0.113.2'), Buffer.from(upgradeRequest())]));
    await expect.poll(() => whole.text(), { timeout: 20_000 }).toMatch(/^HTTP\/1.1 101 /);
  });

  it('carries a session as any other connection does', async () => {
    const { raw, relay } = await setup(options);
    const socket = await raw();
    socket.socket.write(proxyHeader('203.0.113.1'));
    socket.socket.write(upgradeRequest());
    await expect.poll(() => socket.text().length, { timeout: 20_000 }).toBeGreaterThan(400);
    socket.socket.destroy();
    await expect.poll(() => relay.statistics().sockets, { timeout: 20_000 }).toBe(0);
  });

  it.each([
    ['none', Buffer.alloc(0)],
    ['version 1', Buffer.from('PROXY TCP4 203.0.113.1 127.0.0.1 1 2\r\n')],
    ['another version', Buffer.from([...SIGNATURE, 0x31, 0x11, 0, 12, ...new Uint8Array(12)])],
    ['an unknown command', Buffer.from([...SIGNATURE, 0x22, 0x11, 0, 12, ...new Uint8Array(12)])],
    ['too few bytes for its addresses', Buffer.from([...SIGNATURE, 0x21, 0x11, 0, 11, ...new Uint8Array(11)])],
    ['more bytes than it may have', Buffer.from([...SIGNATURE, 0x21, 0x11, 0xff, 0xff])],
    ['a TLV that is cut short', proxyHeader('203.0.113.1', [0x01, 0])],
  ])('is required of a trusted proxy: %s ends the connection', async (_what, bytes) => {
    const { raw, relay } = await setup(options);
    const socket = await raw();
    socket.socket.write(bytes);
    socket.socket.write(upgradeRequest());
    await socket.closed;
    expect(socket.text()).toBe('');
    expect(relay.statistics()).toMatchObject({ sockets: 0, refusals: { PROXY_HEADER: 1 } });
  });

  it('has as much time as the headers of a request', async () => {
    const { raw, relay } = await setup({ ...options, limits: { headersTimeoutMs: 200 } });
    const socket = await raw();
    socket.socket.write(proxyHeader('203.0.113.1').subarray(0, 20));
    await socket.closed;
    expect(relay.statistics().refusals).toEqual({ PROXY_HEADER: 1 });
  });

  it('that does not fit to the configuration of a trusted proxy is told to the operator, with what is wrong', async () => {
    const version1 = 'PROXY TCP4 203.0.113.1 127.0.0.1 1 2\r\n';
    for (const [proxyProtocol, before, problem] of [
      [
        false,
        proxyHeader('203.0.113.1'),
        /^127\.0\.0\.1 is a trusted proxy: PROXY data is not read without --proxy-protocol$/,
      ],
      [true, Buffer.from(version1), / trusted proxy: the PROXY header is malformed: .* version 2$/],
    ] as const) {
      const { raw, warnings } = await setup({ ...options, proxyProtocol });
      for (let times = 0; times < 2; times++) {
        const socket = await raw();
        socket.socket.write(Buffer.concat([before, Buffer.from(upgradeRequest())]));
        await socket.closed;
      }
      expect(warnings()).toEqual([
        { type: 'warning', code: 'PROXY_PROTOCOL', message: expect.stringMatching(problem) },
      ]);
    }
  });

  it('twice is of the client whom the first one names', async () => {
    const { raw, warnings } = await setup(options);
    const socket = await raw();
    socket.socket.write(Buffer.concat([proxyHeader('203.0.113.1'), proxyHeader('203.0.113.2')]));
    await socket.closed;
    expect(warnings()).toMatchObject([{ code: 'UNTRUSTED_PROXY', message: expect.stringMatching(/^203\.0\.113\.1 /) }]);
  });

  it('may end with the connection, as of checks whether the relay is there, and nobody is warned', async () => {
    const { ask, raw, url, relay, warnings } = await setup(options);
    const local = Buffer.from([...SIGNATURE, 0x20, 0x00, 0, 0]);
    for (const bytes of ['', local]) {
      const socket = await raw();
      socket.socket.end(bytes);
      await socket.closed;
    }
    // Another process, so that its reset is there before this one takes the connection.
    const { port } = new URL(url);
    const check = `const s = require('node:net').connect(${port}, '127.0.0.1', () => {
      s.write(Buffer.from('${local.toString('hex')}', 'hex'), () => s.resetAndDestroy());
    });`;
    execFileSync(process.execPath, ['-e', check]);
    // What came last has been seen when what comes now is answered.
    expect(await ask({}, '127.0.0.1', proxyHeader('203.0.113.1'))).toBe(101);
    expect(relay.statistics()).toMatchObject({ sockets: 1, refusals: { PROXY_HEADER: 1 } });
    expect(warnings()).toEqual([]);
  });

  it.each([true, false])('is not taken from anybody else, and the operator is told (proxyProtocol: %s)', async (on) => {
    const { raw, relay, warnings } = await setup({ ...options, proxyProtocol: on });
    for (const before of [proxyHeader('203.0.113.1'), Buffer.from('PROXY TCP4 203.0.113.1 127.0.0.1 1 2\r\n')]) {
      const socket = await raw('127.0.0.2');
      socket.socket.write(Buffer.concat([before, Buffer.from(upgradeRequest())]));
      await socket.closed;
      expect(socket.text()).toMatch(/^HTTP\/1.1 400 .*PROXY_DATA: /s);
    }
    expect(relay.statistics().refusals).toEqual({ PROXY_DATA: 2 });
    expect(warnings()).toMatchObject([{ code: 'UNTRUSTED_PROXY', message: expect.stringContaining('sends PROXY ') }]);
  });

  it('of bans names whom to refuse', async () => {
    const { ask, relay } = await setup(options);
    await relay.bans.add({ kind: 'address', value: '203.0.113.1' });
    expect(await ask({}, '127.0.0.1', proxyHeader('203.0.113.1'))).toBe(403);
    expect(await ask({}, '127.0.0.1', proxyHeader('203.0.113.2'))).toBe(101);
  });

  it('keeps a relay from closing no longer than its time', async () => {
    const { raw, relay } = await setup(options);
    const socket = await raw();
    await expect.poll(() => relay.statistics().sockets, { timeout: 20_000 }).toBe(1);
    await relay.close();
    await socket.closed;
    await expect.poll(() => relay.statistics().sockets, { timeout: 20_000 }).toBe(0);
  });
});
