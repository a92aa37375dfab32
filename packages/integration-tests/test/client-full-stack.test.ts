import { allowAny, allowIds, MemoryPinStore, type SecureConnection, type SecureStream } from '@sealane/client';
import { Credential, generateAccessSecret } from '@sealane/crypto/credential';
import { seededRandom } from '@sealane/testkit';
import { ResetCode, Suite } from '@sealane/types';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientStack, exchange, readAll } from './support/client-stack.js';

const random = seededRandom(4);
let stack = new ClientStack();

afterEach(async () => {
  await stack.close();
  stack = new ClientStack();
});

/** A pair of streams, one end each, through a real relay. */
async function streamPair(): Promise<{
  near: SecureStream;
  far: SecureStream;
  dialer: SecureConnection;
  owner: SecureConnection;
}> {
  const relay = await stack.relay();
  const ownerClient = await stack.client(relay.url, { use: 'listen' });
  const listener = await ownerClient.listen({ accept: allowAny() });
  const dialerClient = await stack.client(relay.url);
  const near = await dialerClient.openStream(listener.address, {
    label: 'db',
    metadata: Uint8Array.of(1, 2, 3),
  });
  const owner = await take(listener);
  const far = await take(owner);
  return { near, far, dialer: near.connection, owner };
}

async function take<T>(source: AsyncIterable<T>): Promise<T> {
  const { value, done } = await source[Symbol.asyncIterator]().next();
  if (done === true) throw new Error('nothing came');
  return value;
}

async function write(stream: SecureStream, ...chunks: Uint8Array[]): Promise<void> {
  const writer = stream.writable.getWriter();
  for (const chunk of chunks) await writer.write(chunk);
  writer.releaseLock();
}

describe('sessions and streams through a real relay', () => {
  it('exchanges bytes both ways with authenticated ends, under a name', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url, { name: 'echo', service: 'web' });
    const dialer = await stack.client(relay.url);
    const bytes = random(3_000_000);
    for (const address of [listener.address, 'echo', `${listener.id}/web`]) {
      const stream = await dialer.openStream(address);
      expect(Buffer.compare(await exchange(stream, bytes), bytes)).toBe(0);
      await stream.finished;
    }
    expect(dialer.connections.size).toBe(1);
  });

  it('gives both sides the same facts, and an owner may speak first', async () => {
    const { near, far, dialer, owner } = await streamPair();
    await write(far, Buffer.from('welcome'));
    const reader = near.readable.getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('welcome');
    expect([far.label, [...far.metadata]]).toEqual(['db', [1, 2, 3]]);
    expect(owner.channelBinding).toEqual(dialer.channelBinding);
    expect(owner.exportKey('app/test', 32)).toEqual(dialer.exportKey('app/test', 32));
    expect([owner.role, dialer.role, owner.alpn]).toEqual(['owner', 'dialer', 'sealane/stream/1']);
    expect(dialer.statistics.bytesReceived).toBe(7);
  });

  it('keeps the other direction open after a half-close of either side', async () => {
    const { near, far } = await streamPair();
    await write(near, Buffer.from('question'));
    const nearClosed = near.closeWrite();
    expect(Buffer.from(await readAll(far.readable)).toString()).toBe('question');
    await nearClosed;
    await write(far, Buffer.from('answer'));
    const farClosed = far.closeWrite();
    expect(Buffer.from(await readAll(near.readable)).toString()).toBe('answer');
    await Promise.all([farClosed, near.finished, far.finished]);
  });

  it('turns an abort into an error at the peer, never an end', async () => {
    const { near, far } = await streamPair();
    await write(near, Buffer.from('half of it'));
    const reading = readAll(far.readable);
    near.abort();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_STREAM_CANCELLED' });
    await expect(near.finished).rejects.toMatchObject({ code: 'ERR_STREAM_CANCELLED' });
  });

  it('stops a writer whose reader stops', async () => {
    const { near, far, owner } = await streamPair();
    const chunk = random(65_536);
    let written = 0;
    const writer = near.writable.getWriter();
    const writing = (async () => {
      for (let index = 0; index < 64; index++) {
        await writer.write(chunk.slice());
        written += chunk.length;
      }
      await writer.close();
    })();
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    while (owner.statistics.bytesReceived < 262_144) await turn();
    for (let turns = 0; turns < 1_000; turns++) await turn();
    expect(owner.statistics.bytesReceived).toBe(262_144);
    expect(written).toBeLessThanOrEqual(262_144 + 131_072);
    expect((await readAll(far.readable)).length).toBe(64 * 65_536);
    await writing;
  });

  it('carries 300 streams at once in one session', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url);
    const dialer = await stack.client(relay.url);
    const bytes = random(20_000);
    const echoes = await Promise.all(
      Array.from({ length: 300 }, async () => exchange(await dialer.openStream(listener.address), bytes)),
    );
    expect(echoes.every((echo) => Buffer.compare(echo, bytes) === 0)).toBe(true);
    expect(dialer.connections.size).toBe(1);
  });

  it('holds 10,000 streams of one dialer open, in as few sessions as the stream limit allows', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url);
    const dialer = await stack.client(relay.url);
    const streams: SecureStream[] = [];
    await Promise.all(
      Array.from({ length: 10_000 }, async () => {
        streams.push(await dialer.openStream(listener.address));
      }),
    );
    expect(dialer.connections.size).toBe(10);
    const last = streams[9_999];
    if (last === undefined) throw new Error('no stream');
    expect(Buffer.from(await exchange(last, Buffer.from('still here'))).toString()).toBe('still here');
  });

  it('closes in order: streams finish, both sides learn it, nothing is an error', async () => {
    const { near, far, dialer, owner } = await streamPair();
    const closing = dialer.close();
    await expect(dialer.openStream()).rejects.toMatchObject({ code: 'ERR_E2EE_CLOSED' });
    await write(near, Buffer.from('last words'));
    const ended = near.closeWrite();
    expect(Buffer.from(await readAll(far.readable)).toString()).toBe('last words');
    await Promise.all([far.closeWrite(), readAll(near.readable), ended]);
    await Promise.all([closing, dialer.closed, owner.closed]);
  });
});

describe('refusals', () => {
  it('reach the dialer with the owner’s reason, sealed', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url, { accept: () => ({ deny: 'not on the list' }) });
    const dialer = await stack.client(relay.url);
    await expect(dialer.dial(listener.address)).rejects.toMatchObject({
      code: 'ERR_E2EE_DENIED',
      message: 'not on the list',
    });
  });

  it('let in the ids that are allowed and no others', async () => {
    const relay = await stack.relay();
    const friend = await Credential.create();
    const { listener } = await stack.echoOwner(relay.url, { accept: allowIds([friend.id]) });
    const stranger = await stack.client(relay.url);
    await expect(stranger.dial(listener.address)).rejects.toMatchObject({ code: 'ERR_E2EE_DENIED' });
    const known = await stack.client(relay.url, { credential: friend });
    expect((await known.dial(listener.address)).peerId).toBe(listener.id);
  });

  it('name what is missing: protocol, service, owner, access secret, suite', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url, { alpn: ['chat/1'] });
    const { listener: secret } = await stack.echoOwner(relay.url, { accessSecret: generateAccessSecret() });
    const { listener: classical } = await stack.echoOwner(relay.url, { suites: [Suite.CLASSICAL] });
    const dialer = await stack.client(relay.url);
    await expect(dialer.dial(listener.address, { alpn: ['mail/1'] })).rejects.toMatchObject({
      code: 'ERR_E2EE_NO_ALPN',
    });
    await expect(dialer.dial(listener.address, { service: 'other' })).rejects.toMatchObject({
      code: 'ERR_RELAY_NO_OWNER',
    });
    const nobody = await Credential.create();
    await expect(dialer.dial(nobody.id)).rejects.toMatchObject({ code: 'ERR_RELAY_NO_OWNER' });
    await expect(dialer.dial(secret.address)).rejects.toMatchObject({ code: 'ERR_E2EE_DAMAGED' });
    await expect(dialer.dial(classical.address)).rejects.toMatchObject({ code: 'ERR_E2EE_DOWNGRADE' });
    const suites = [Suite.HYBRID, Suite.CLASSICAL];
    expect((await dialer.dial(classical.address, { suites })).suite).toBe(Suite.CLASSICAL);
  });

  it('of a stream end that stream alone', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url, {
      acceptStream: ({ label }) => (label === 'closed' ? ResetCode.DENIED : undefined),
    });
    const dialer = await stack.client(relay.url);
    const denied = await dialer.openStream(listener.address, { label: 'closed' });
    await expect(denied.finished).rejects.toMatchObject({ code: 'ERR_STREAM_DENIED' });
    const open = await dialer.openStream(listener.address, { label: 'open' });
    expect(Buffer.from(await exchange(open, Buffer.from('x'))).toString()).toBe('x');
    expect(dialer.connections.size).toBe(1);
  });

  it('a name that stands for another owner than its pin', async () => {
    const relay = await stack.relay();
    await stack.echoOwner(relay.url, { name: 'shop' });
    const pins = new MemoryPinStore();
    const other = await Credential.create();
    const dialer = await stack.client(relay.url, { pins });
    pins.put(dialer.relayId ?? '', 'shop', { id: other.id, service: '' });
    await expect(dialer.dial('shop')).rejects.toMatchObject({ code: 'ERR_E2EE_PIN' });
  });

  it('a relay that is not the pinned one', async () => {
    const relay = await stack.relay();
    const other = await Credential.create();
    await expect(stack.client(`${relay.url}#${other.id}`)).rejects.toMatchObject({ code: 'ERR_RELAY_IDENTITY' });
    const pinned = await stack.client(`${relay.url}#${relay.server.id}`);
    expect(pinned.relayId).toBe(relay.server.id);
  });

  it('a relay that is not there, at once or when the signal says so', async () => {
    const relay = await stack.relay();
    await relay.server.close();
    await expect(stack.client(relay.url)).rejects.toMatchObject({ code: 'ERR_LINK_FAILED', retryable: true });
    const signal = AbortSignal.timeout(300);
    await expect(stack.client(relay.url, { retry: true, signal })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});

describe('leases', () => {
  it('are held by one process: the second is refused, or takes over and the first one hears of it', async () => {
    const relay = await stack.relay();
    const credential = await Credential.create();
    const { listener: first } = await stack.echoOwner(relay.url, {}, { credential });
    const second = await stack.client(relay.url, { credential, use: 'listen' });
    await expect(second.listen({ accept: allowAny() })).rejects.toMatchObject({ code: 'ERR_RELAY_LEASE_IN_USE' });
    await second.listen({ accept: allowAny(), takeOver: true });
    await expect(first.closed).rejects.toMatchObject({ code: 'ERR_RELAY_SUPERSEDED' });
  });

  it('are gone at once when the listener closes, while accepted sessions go on', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url);
    const dialer = await stack.client(relay.url);
    const stream = await dialer.openStream(listener.address);
    const echo = exchange(stream, random(10_000));
    await echo;
    const late = await dialer.openStream(listener.address);
    await listener.close();
    expect(Buffer.from(await exchange(late, Buffer.from('on'))).toString()).toBe('on');
    await expect(dialer.dial(listener.address, { fresh: true })).rejects.toMatchObject({ code: 'ERR_RELAY_NO_OWNER' });
  });

  it('are registered again after the relay was restarted, and a dial waits for it', async () => {
    const relay = await stack.relay();
    const credential = await Credential.create();
    const states: string[] = [];
    const { listener } = await stack.echoOwner(
      relay.url,
      {},
      {
        credential,
        onStatus: (event) => {
          if (event.type === 'lease') states.push(event.state);
        },
      },
    );
    const dialer = await stack.client(relay.url);
    await dialer.dial(listener.address);
    await relay.server.close();
    const dialing = (async () => {
      for (;;) {
        try {
          return await dialer.dial(listener.address, { fresh: true });
        } catch (error) {
          // The relay is back before its owner is.
          expect(error).toMatchObject({ code: 'ERR_RELAY_NO_OWNER' });
        }
      }
    })();
    await stack.relay({ from: relay });
    expect((await dialing).peerId).toBe(credential.id);
    expect(states).toEqual(['registered', 'waiting', 'registered']);
  });
});

describe('what is lost is never taken for whole', () => {
  it('a relay that dies in the middle and stays away truncates every stream, on both sides', async () => {
    const relay = await stack.relay();
    const resumption = { giveUpMs: 1_000 };
    const owner = await stack.client(relay.url, { use: 'listen', resumption });
    const listener = await owner.listen({ accept: allowAny() });
    const dialer = await stack.client(relay.url, { resumption });
    const near = await dialer.openStream(listener.address);
    await write(near, random(1_000));
    const connection = await take(listener);
    const far = await take(connection);
    const truncated = { code: 'ERR_E2EE_TRUNCATED' };
    const ends = [
      expect(readAll(far.readable)).rejects.toMatchObject(truncated),
      expect(near.connection.closed).rejects.toMatchObject(truncated),
      expect(near.finished).rejects.toMatchObject(truncated),
    ];
    await relay.server.close();
    await Promise.all(ends);
  });
});

describe('rotated keys', () => {
  it('are learned from the owner’s own keycert, once, with fresh keys', async () => {
    const relay = await stack.relay();
    let credential = await Credential.create();
    const source = { current: () => Promise.resolve(credential) };
    const { listener } = await stack.echoOwner(relay.url, {}, { credential: source });
    const dialer = await stack.client(relay.url);
    expect((await dialer.dial(listener.address, { fresh: true })).peerEpoch).toBe(1);
    // Two rotations: the epoch that the dialer knows is not held any more.
    credential = credential.rotate({ nowMs: Date.now() }).rotate({ nowMs: Date.now() });
    const connection = await dialer.dial(listener.address, { fresh: true });
    expect(connection.peerEpoch).toBe(3);
    await expect(dialer.dial(listener.address, { minEpoch: 4 })).rejects.toMatchObject({ code: 'ERR_E2EE_KEYCERT' });
  });
});
