import type { StatusEvent } from '@sealane/client';
import { seededRandom } from '@sealane/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientStack, exchange } from './support/client-stack.js';

const random = seededRandom(31);
let stack = new ClientStack();

afterEach(async () => {
  await stack.close();
  stack = new ClientStack();
});

const HOUR_MS = 3_600_000;

describe('what a relay refuses reaches the caller with its code, its reason and the time to wait', () => {
  it('a banned name ends the listener that has it', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url, { name: 'bank' });
    await relay.server.bans.add({ kind: 'name', value: 'bank', reason: 'not a bank' });
    await expect(listener.closed).rejects.toMatchObject({
      code: 'ERR_RELAY_DENIED',
      message: 'this name is banned: not a bank',
    });
  });

  it('a name that is reserved now does too', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url, { name: 'status' });
    relay.server.setReservedNames([{ name: 'stat*' }]);
    await expect(listener.closed).rejects.toMatchObject({ code: 'ERR_RELAY_NAME_TAKEN' });
  });

  it('a banned identity is told why its link goes and does not come back, and serves again when it is lifted', async () => {
    const relay = await stack.relay();
    const status: StatusEvent[] = [];
    const { client, listener } = await stack.echoOwner(relay.url, {}, { onStatus: (event) => status.push(event) });
    await relay.server.bans.add({ kind: 'id', value: client.id, reason: 'spam', expiresAtMs: Date.now() + HOUR_MS });
    const told = () => status.flatMap((event) => ('error' in event && event.error !== undefined ? [event.error] : []));
    await expect.poll(() => told().length, { timeout: 30_000 }).toBeGreaterThan(1);
    for (const error of told()) {
      expect(error).toMatchObject({
        code: 'ERR_RELAY_DENIED',
        message: expect.stringMatching(/banned until .*: spam$/),
      });
      expect(error.details['value']).toBeGreaterThan(HOUR_MS - 120_000);
    }
    await relay.server.bans.remove('id', client.id);
    const dialer = await stack.client(relay.url);
    const again = async (): Promise<number> => {
      const stream = await dialer.openStream(listener.address);
      return (await exchange(stream, random(1_000))).length;
    };
    await expect.poll(() => again().catch(() => 0), { timeout: 60_000, interval: 500 }).toBe(1_000);
  });

  it('a banned address is told before its WebSocket', async () => {
    const relay = await stack.relay();
    await relay.server.bans.add({
      kind: 'address',
      value: '127.0.0.1',
      reason: 'fl\u00fcchtig \ud800',
      expiresAtMs: Date.now() + HOUR_MS,
    });
    await expect(stack.client(relay.url)).rejects.toMatchObject({
      code: 'ERR_RELAY_DENIED',
      retryable: false,
      message: expect.stringMatching(/^this address is banned until .*Z: fl\u00fcchtig$/),
      details: { refusal: 'BANNED', value: 3_600_000 },
    });
  });

  it('too many connections of an address are told before their WebSocket', async () => {
    const relay = await stack.relay({ exemptLoopback: false, limits: { socketsPerAddress: 1 } });
    await stack.client(relay.url);
    await expect(stack.client(relay.url)).rejects.toMatchObject({
      code: 'ERR_RELAY_LIMIT',
      retryable: true,
      details: { refusal: 'SOCKETS_PER_ADDRESS', value: 1_000 },
    });
  });

  it('the bytes of a day that are used up are told to who dials', async () => {
    const relay = await stack.relay({ limits: { bytesPerLeasePerDay: 100_000 } });
    const { listener } = await stack.echoOwner(relay.url);
    const dialer = await stack.client(relay.url, { resumption: { giveUpMs: 1_000 } });
    const stream = await dialer.openStream(listener.address);
    await expect(exchange(stream, random(300_000))).rejects.toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
    await expect(dialer.openStream(listener.address)).rejects.toMatchObject({
      code: 'ERR_RELAY_LIMIT',
      message: expect.stringContaining('the bytes of this day are used up'),
    });
  });
});

it('a session that is slowed down and let go again loses no byte and no path', async () => {
  const relay = await stack.relay();
  const { listener } = await stack.echoOwner(relay.url);
  const status: StatusEvent[] = [];
  const dialer = await stack.client(relay.url, { onStatus: (event) => status.push(event) });
  const stream = await dialer.openStream(listener.address);
  const bytes = random(8 << 20);
  const echoed = exchange(stream, bytes);
  relay.server.setLimits({ bytesToLeasePerSecond: 1 << 20, bytesFromIdentityPerSecond: 512 << 10 });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(relay.server.statistics().relayedBytes).toBeLessThan(bytes.length);
  relay.server.setLimits({ bytesToLeasePerSecond: 0, bytesFromIdentityPerSecond: 0 });
  expect(Buffer.compare(await echoed, bytes)).toBe(0);
  expect(status.filter((event) => event.type === 'session' && event.state === 'interrupted')).toEqual([]);
});
