import { fileURLToPath } from 'node:url';
import * as modules from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import { Credential, generateAccessSecret } from '@sealane/crypto/credential';
import { MemoryBudget } from '@sealane/mux';
import {
  isSealaneError,
  type MessageLink,
  ResetCode,
  SealaneError,
  systemClock,
  systemRandomBytes,
} from '@sealane/types';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ClientStack } from './support/client-stack.js';

const stack = new ClientStack();
afterEach(() => stack.close());

const published = fileURLToPath(new URL('../../client/dist/web/index.js', import.meta.url));

/** A link as its type asks for, made by a caller. */
const ownTransport: modules.TransportFactory = (url, { subprotocol }) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, subprotocol);
    let receivedBytes = 0;
    let sentBytes = 0;
    const link: MessageLink = {
      start(handler) {
        socket.on('message', (message: Buffer) => {
          receivedBytes += message.length;
          handler.onMessage(new Uint8Array(message));
        });
        socket.on('close', (code) => handler.onEnd({ clean: true, code, reason: 'it ended' }));
        socket.resume();
      },
      send(message) {
        sentBytes += message.length;
        socket.send(message);
      },
      get queuedBytes() {
        return socket.bufferedAmount;
      },
      get receivedBytes() {
        return receivedBytes;
      },
      get sentBytes() {
        return sentBytes - socket.bufferedAmount;
      },
      close: (code, reason) => socket.close(code, reason),
      abort: () => socket.terminate(),
    };
    socket.once('open', () => {
      // Until it is started nobody hears a message.
      socket.pause();
      resolve(link);
    });
    socket.once('error', () => reject(new SealaneError('ERR_LINK_FAILED', 'there is no relay', { retryable: true })));
  });

/** The names in a value and the kinds of what they stand for: what is the same in every run. */
function shapeOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return value.map(shapeOf);
  if (value instanceof SealaneError) {
    const { name, code, retryable, details } = value;
    return {
      name,
      code,
      retryable,
      details: shapeOf(details),
      isKnown: isSealaneError(value, code),
      json: Object.keys(value),
    };
  }
  if (typeof value !== 'object' || value === null) return typeof value;
  // What is not measured yet has its name already.
  const own = Object.entries(value).map(([name, part]) => [name, name === 'rttMs' ? 'measured' : shapeOf(part)]);
  return Object.fromEntries(own);
}

/** The names in each kind of event. Whether an end has an error depends on who was first. */
function kindsOf(events: readonly modules.StatusEvent[]): Record<string, string[]> {
  const kinds = events.map((event) => [
    `${event.type} ${'state' in event ? event.state : ''}`,
    Object.keys(event).filter((name) => name !== 'error'),
  ]);
  return Object.fromEntries(kinds);
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error) => shapeOf(error),
  );

/** Everything that a caller gives by name, and the shape of all that comes back. */
async function everything(client: typeof modules, relayUrl: string): Promise<Record<string, unknown>> {
  const given: Record<string, unknown> = {};
  const events: modules.StatusEvent[][] = [[], []];
  const pinned = new Map<string, modules.NamePin>();
  const keycerts = new Map<string, Uint8Array>();
  const used = new Set<string>();
  const common: modules.RelayClientOptions = {
    transport: ownTransport,
    clock: {
      ...systemClock,
      nowMs: () => {
        used.add('clock');
        return systemClock.nowMs();
      },
    },
    random: (length) => {
      used.add('random');
      return systemRandomBytes(length);
    },
    budget: new MemoryBudget(64 << 20),
    resumption: { giveUpMs: 20_000, kept: new client.KeptBudget({ sharedBytes: 8 << 20 }) },
    timing: { pingIntervalMs: 5_000 },
    pins: {
      get: (relayId, name) => pinned.get(relayId + name),
      put: (relayId, name, pin) => void pinned.set(relayId + name, { ...pin }),
    },
    knownKeycerts: { get: (id) => keycerts.get(id), put: (id, keycert) => void keycerts.set(id, keycert) },
  };
  const credential = await Credential.create();
  const owner = await client.connect(relayUrl, {
    ...common,
    use: 'listen',
    credential: { current: () => Promise.resolve(credential) },
    onStatus: (event) => events[0]!.push(event),
  });
  const accessSecret = generateAccessSecret();
  const alpn = ['a/1', 'b/1'];
  const listener = await owner.listen({
    ...{ name: `shop-${credential.id.slice(0, 8)}`, service: 'svc', alpn, accessSecret, public: true, ttlMs: 30_000 },
    metadata: new Uint8Array([1, 2]),
    accept: (peer) => {
      given['accept'] = shapeOf(peer);
      return true;
    },
    confirm: (peer, connection) => {
      given['confirm'] = [shapeOf(peer), connection.peerId === peer.id];
      return true;
    },
    acceptStream: (request) => {
      given['acceptStream'] = shapeOf(request);
      return request.label === 'no' ? ResetCode.DENIED : undefined;
    },
  });
  const served = (async () => {
    for await (const connection of listener) {
      for await (const stream of connection) void stream.readable.pipeTo(stream.writable).catch(() => undefined);
    }
  })().catch(() => undefined);

  const dialer = await client.connect(relayUrl, {
    ...common,
    onStatus: (event) => events[1]!.push(event),
  });
  const connection = await dialer.dial(listener.address, { alpn: ['b/1'], accessSecret, fresh: true });
  const stream = await connection.openStream({ label: 'x', metadata: new Uint8Array([9]) });
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode('hello'));
  const [heard] = await Promise.all([new Response(stream.readable as ReadableStream).text(), writer.close()]);
  const refused = await connection.openStream({ label: 'no' });
  given['refused'] = await failure(new Response(refused.readable as ReadableStream).text());
  const listed: unknown[] = [];
  for await (const lease of dialer.listPublic()) if (lease.id === owner.id) listed.push(shapeOf(lease));
  const byName = await dialer.dial(listener.name ?? '', { alpn: ['a/1'], accessSecret });
  const dial = (options: modules.DialOptions) =>
    dialer.dial(listener.address, { alpn, accessSecret, fresh: true, ...options });
  const gaveUp = new AbortController();
  gaveUp.abort();
  const ended = await dial({});
  ended.abort(new SealaneError('ERR_E2EE_DENIED', 'the caller says so'));
  const seen = {
    ...{ given, heard, listed, byName: [byName.alpn, byName.service] },
    isOwner: [owner.id === credential.id, connection.peerId === credential.id],
    address: shapeOf(client.parseAddress(listener.address)),
    found: shapeOf(await dialer.lookup(listener.name ?? '', 'svc')),
    pins: [...pinned.values()].map(shapeOf),
    keycerts: keycerts.size,
    statistics: [shapeOf(connection.statistics), shapeOf(dialer.statistics), shapeOf(dialer.links)],
    errors: {
      noRelay: await failure(client.connect('ws://127.0.0.1:1', common)),
      otherSecret: await failure(dial({ accessSecret: generateAccessSecret() })),
      otherProtocol: await failure(dial({ alpn: ['c/1'] })),
      nobody: await failure(dial({ service: 'nobody' })),
      olderKey: await failure(dial({ minEpoch: 7 })),
      gaveUp: await failure(dial({ signal: gaveUp.signal })),
      noPolicy: await failure(owner.listen({} as modules.ListenOptions)),
      twice: await failure(owner.listen({ service: 'svc', accept: client.allowAny() })),
      aborted: await failure(ended.closed),
    },
    used: [...used].sort(),
  };
  await dialer.close();
  await owner.close();
  await served;
  return { ...seen, events: events.map(kindsOf) };
}

it('the client for browsers takes and gives everything by the names of its types, as its modules do', async () => {
  await loadCrypto();
  const relay = await stack.relay();
  const expected = await everything(modules, relay.url);
  expect(expected['heard']).toBe('hello');
  expect(await everything((await import(published)) as typeof modules, relay.url)).toEqual(expected);
});
