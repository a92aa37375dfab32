import { allowAny } from '@sealane/client';
import { Credential } from '@sealane/crypto/credential';
import { seededRandom } from '@sealane/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ClientStack, exchange } from './support/client-stack.js';

let stack = new ClientStack();
afterEach(async () => {
  await stack.close();
  stack = new ClientStack();
});

const isRoundTrip = (ms: number): boolean => Number.isFinite(ms) && ms > 0;

describe('round trips', () => {
  it('are measured to the owner through the session and to the relay on the link', async () => {
    const relay = await stack.relay();
    const { client: owner, listener } = await stack.echoOwner(relay.url);
    const dialer = await stack.client(relay.url);
    const connection = await dialer.dial(listener.address);
    const fromOwner = await vi.waitFor(() => {
      const [found] = owner.connections;
      return found ?? expect.fail('the session has not come in');
    });
    for (const ms of [await connection.ping(), await fromOwner.ping()]) expect(ms).toSatisfy(isRoundTrip);
    for (const ms of [await dialer.ping(), await owner.ping()]) expect(ms).toSatisfy(isRoundTrip);
    expect(connection.statistics.rttMs).toSatisfy(isRoundTrip);
    expect(dialer.links).toEqual([
      {
        use: 'dial',
        url: relay.url,
        state: 'up',
        relayId: dialer.relayId,
        rttMs: expect.toSatisfy(isRoundTrip),
        retryInMs: undefined,
      },
    ]);
    expect(owner.links).toMatchObject([{ use: 'listen', state: 'up' }]);
  });

  it('asked for at the same time are one PING with one answer', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url);
    const dialer = await stack.client(relay.url);
    const connection = await dialer.dial(listener.address);
    const answers = await Promise.all(Array.from({ length: 50 }, () => connection.ping()));
    expect(new Set(answers).size).toBe(1);
    const fromRelay = await Promise.all(Array.from({ length: 50 }, () => dialer.ping()));
    expect(new Set(fromRelay).size).toBe(1);
  });

  it('reject with what ended the session or the link, and with ERR_ABORTED for one caller alone', async () => {
    const relay = await stack.relay();
    const { client: owner, listener } = await stack.echoOwner(relay.url);
    const dialer = await stack.client(relay.url);
    const connection = await dialer.dial(listener.address);
    const given = new AbortController();
    const [aborted, other] = [connection.ping({ signal: given.signal }), connection.ping()];
    given.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(await other).toSatisfy(isRoundTrip);
    await expect(dialer.ping({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_ABORTED' });

    await connection.close();
    await expect(connection.ping()).rejects.toMatchObject({ code: 'ERR_E2EE_CLOSED' });
    const second = await dialer.dial(listener.address);
    const lost = second.closed;
    await second.ping();
    for (const open of owner.connections) open.abort();
    await expect(lost).rejects.toMatchObject({ code: 'ERR_E2EE_ABORTED' });
    await expect(second.ping()).rejects.toMatchObject({ code: 'ERR_E2EE_ABORTED' });
    await relay.server.close();
    await vi.waitFor(() => expect(dialer.links[0]?.state).not.toBe('up'));
    await expect(dialer.ping({ signal: AbortSignal.timeout(200) })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await dialer.close();
    await expect(dialer.ping()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('statistics of a client', () => {
  it('count sessions that have ended, too', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url);
    const dialer = await stack.client(relay.url);
    const bytes = seededRandom(7)(300_000);
    for (const sessions of [1, 2]) {
      const stream = await dialer.openStream(listener.address);
      await exchange(stream, bytes);
      await stream.finished;
      expect(dialer.statistics).toMatchObject({ sessions, sessionsOpen: 1 });
      await stream.connection.close();
    }
    expect(dialer.statistics).toEqual({
      bytesSent: 600_000,
      bytesReceived: 600_000,
      sessions: 2,
      sessionsOpen: 0,
      streams: 2,
      streamsOpen: 0,
    });
  });
});

describe('a lease', () => {
  it('names new keys soon after a rotation, not at its next renewal', async () => {
    const relay = await stack.relay();
    let credential = await Credential.create();
    const owner = await stack.client(relay.url, {
      use: 'listen',
      credential: { current: () => Promise.resolve(credential) },
    });
    const listener = await owner.listen({ accept: allowAny(), ttlMs: 300_000 });
    const dialer = await stack.client(relay.url);
    expect((await dialer.lookup(listener.id)).keycert).toEqual(credential.keycert);
    credential = credential.rotate({ nowMs: Date.now() });
    // The next renewal is 100 seconds away.
    await vi.waitFor(async () => expect((await dialer.lookup(listener.id)).keycert).toEqual(credential.keycert), {
      timeout: 20_000,
      interval: 100,
    });
    expect(owner.links).toMatchObject([{ state: 'up' }]);
  });
});
