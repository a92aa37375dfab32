import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { allowAny, type PublicLease, RelayClient, type RelayClientOptions } from '@sealane/client';
import type { RelayServerOptions } from '@sealane/server';
import { SUBPROTOCOL } from '@sealane/types';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { ClientStack, exchange } from './support/client-stack.js';
import { recordTranscript, type Transcript } from './support/record-transcript.js';

/** The feature set before LIST, and one of which nothing is known here. */
const PREVIOUS = 0;
const LATER = 0xffff_fffe;

const stack = new ClientStack();
afterEach(() => stack.close());

const previousClient: RelayClientOptions = { features: { link: PREVIOUS, session: PREVIOUS } };
const laterClient: RelayClientOptions = { features: { link: LATER, session: LATER } };

async function list(client: RelayClient): Promise<PublicLease[]> {
  const leases: PublicLease[] = [];
  for await (const lease of client.listPublic()) leases.push(lease);
  return leases;
}

/** Lease, name, lookup, session and bytes both ways, between an owner and a dialer of the given feature sets. */
async function converse(
  relayOptions: Partial<RelayServerOptions>,
  ownerOptions: RelayClientOptions,
  dialerOptions: RelayClientOptions,
): Promise<{ readonly dialer: RelayClient; readonly refusals: Readonly<Record<string, number>>; ownerId: string }> {
  const { server, url } = await stack.relay(relayOptions);
  const { client: owner } = await stack.echoOwner(
    url,
    { name: 'box', public: true, metadata: Buffer.of(7) },
    ownerOptions,
  );
  const dialer = await stack.client(url, dialerOptions);
  expect((await dialer.lookup('box')).id).toBe(owner.id);
  const bytes = Buffer.alloc(300_000, 'skew');
  expect(Buffer.compare(await exchange(await dialer.openStream('box'), bytes), bytes)).toBe(0);
  return { dialer, refusals: server.statistics().refusals, ownerId: owner.id };
}

describe('the previous feature set', () => {
  const recorded = JSON.parse(readFileSync(new URL('../transcripts/e54a4a9.json', import.meta.url), 'utf8')) as {
    readonly features: { readonly link: number; readonly session: number };
    readonly transcript: Transcript;
  };

  it('is what the build of commit e54a4a9 spoke: with it, relay and clients of today say the very same bytes', async () => {
    expect(recorded.features).toEqual(previousClient.features);
    const today = await recordTranscript({ features: PREVIOUS }, previousClient);
    expect(Object.keys(today)).toEqual(Object.keys(recorded.transcript));
    for (const [direction, hex] of Object.entries(recorded.transcript)) expect(today[direction], direction).toBe(hex);
  });

  it("says other bytes than today's, so that the comparison can fail", async () => {
    expect(await recordTranscript()).not.toEqual(recorded.transcript);
  });
});

describe('version skew by feature bits', () => {
  it.each<[string, RelayClientOptions, RelayClientOptions]>([
    ['owner and dialer', previousClient, previousClient],
    ['an owner, and a dialer of today', previousClient, {}],
    ['a dialer, and an owner of today', {}, previousClient],
  ])('%s of the previous set work at a relay of today', async (_, ownerOptions, dialerOptions) => {
    const { dialer, refusals, ownerId } = await converse({}, ownerOptions, dialerOptions);
    if (dialerOptions === previousClient) {
      await expect(list(dialer)).rejects.toMatchObject({ code: 'ERR_RELAY_UNSUPPORTED' });
    } else {
      expect((await list(dialer)).map(({ id, name, metadata }) => [id, name, ...metadata])).toEqual([
        [ownerId, 'box', 7],
      ]);
    }
    expect(refusals).toEqual({});
  });

  it('clients of today work at a relay of the previous set, and never send it what it does not know', async () => {
    const { server, url } = await stack.relay({ features: PREVIOUS });
    await stack.echoOwner(url, { public: true });
    const dialer = await stack.client(url);
    await expect(list(dialer)).rejects.toMatchObject({ code: 'ERR_RELAY_UNSUPPORTED', retryable: false });
    expect(server.statistics()).toMatchObject({ refusals: {}, links: 2 });
    await converse({ features: PREVIOUS }, {}, {});
  });

  it('a relay that lists nothing is like one that cannot', async () => {
    const { dialer } = await converse({ listing: false }, {}, {});
    await expect(list(dialer)).rejects.toMatchObject({ code: 'ERR_RELAY_UNSUPPORTED' });
  });

  it.each<[string, Partial<RelayServerOptions>, RelayClientOptions, RelayClientOptions]>([
    ['the relay', { features: LATER }, {}, {}],
    ['the dialer', {}, {}, laterClient],
    ['the owner', {}, laterClient, {}],
  ])('bits of a later version that only %s offers drop out', async (_, relayOptions, ownerOptions, dialerOptions) => {
    const { dialer, refusals } = await converse(relayOptions, ownerOptions, dialerOptions);
    expect(await list(dialer)).toHaveLength(1);
    expect(refusals).toEqual({});
  });
});

describe('another version of the link', () => {
  it('a relay of today answers a client that speaks only sealane.2 with 426 and what it speaks', async () => {
    const { server, url } = await stack.relay();
    const answer = await fetch(url.replace('ws:', 'http:'), { headers: { 'Sec-WebSocket-Protocol': 'sealane.2' } });
    expect([answer.status, answer.headers.get('sec-websocket-protocol')]).toEqual([426, SUBPROTOCOL]);
    const { openWebSocket } = await import('../../client/src/transport/websocket-node.js');
    const open = openWebSocket(url, { subprotocol: 'sealane.2', maxMessageBytes: 65_536 });
    await expect(open).rejects.toMatchObject({
      code: 'ERR_RELAY_VERSION',
      message: `the relay ${url} speaks sealane.1, and this client sealane.2`,
      retryable: false,
    });
    expect(server.statistics().refusals).toMatchObject({ VERSION: 1 });
  });

  const listen = async (
    server: ReturnType<typeof createServer> | ReturnType<typeof createTcpServer>,
  ): Promise<string> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stack.onClose(() => void server.close());
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it('a client of today says what a relay speaks that knows only sealane.2', async () => {
    const url = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.end(
          'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sealane.2, sealane.3\r\n' +
            'Content-Length: 0\r\nConnection: close\r\n\r\n',
        );
      }),
    );
    for (const retry of [false, true]) {
      await expect(RelayClient.connect(url, { retry })).rejects.toMatchObject({
        code: 'ERR_RELAY_VERSION',
        message: `the relay ${url} speaks sealane.2, sealane.3, and this client sealane.1`,
        details: { relay: ['sealane.2', 'sealane.3'], client: ['sealane.1'] },
      });
    }
  });

  it('a relay that chooses what was not offered is of another version', async () => {
    const http = createServer();
    const webSockets = new WebSocketServer({ server: http, handleProtocols: () => 'sealane.2' });
    webSockets.on('connection', (socket) => socket.on('error', () => undefined));
    const url = await listen(http);
    await expect(RelayClient.connect(url)).rejects.toMatchObject({
      code: 'ERR_RELAY_VERSION',
      message: `the relay ${url} speaks sealane.2, and this client sealane.1`,
    });
  });

  it.each([
    ['426 without a list', 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n'],
    [
      '426 with our own version: the upgrade did not reach the relay',
      `HTTP/1.1 426 X\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\nContent-Length: 0\r\n\r\n`,
    ],
    ['another status', 'HTTP/1.1 503 X\r\nSec-WebSocket-Protocol: sealane.2\r\nContent-Length: 0\r\n\r\n'],
  ])('%s is no word about versions', async (_, answer) => {
    const url = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.end(answer);
      }),
    );
    await expect(RelayClient.connect(url)).rejects.toMatchObject({
      code: 'ERR_LINK_FAILED',
      message: `the relay ${url} cannot be reached: HTTP status ${answer.split(' ')[1]}`,
      retryable: true,
    });
  });
});

describe('another version end to end', () => {
  it('an owner that is asked in another protocol only says so, sealed', async () => {
    const { url } = await stack.relay();
    const { listener } = await stack.echoOwner(url, { alpn: ['chat/1'], accept: allowAny() });
    const dialer = await stack.client(url);
    const dial = dialer.dial(listener.address, { alpn: ['chat/2'] });
    await expect(dial).rejects.toMatchObject({ code: 'ERR_E2EE_NO_ALPN' });
    expect((await dialer.dial(listener.address, { alpn: ['chat/2', 'chat/1'] })).alpn).toBe('chat/1');
  });
});
