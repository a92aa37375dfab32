import { RelayCode, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import type { RelayLimits } from '../src/limits.js';
import { liveRelay } from './live-session.js';
import { createRelayInMemory } from './relay-in-memory.js';

const RATE = 32_768;
/** Nothing is cut, so a limit is passed by a burst and one frame. */
const BURST = 2 * 66_560;
const TOTAL = 2 << 20;

const rates: readonly (readonly [keyof RelayLimits, 'to-owner' | 'to-dialer'])[] = [
  ['bytesFromAddressPerSecond', 'to-owner'],
  ['bytesToAddressPerSecond', 'to-dialer'],
  ['bytesFromIdentityPerSecond', 'to-dialer'],
  ['bytesToIdentityPerSecond', 'to-owner'],
  ['bytesToLeasePerSecond', 'to-owner'],
  ['bytesFromLeasePerSecond', 'to-dialer'],
];

describe('bytes per second on real sockets', () => {
  it.each(rates)('%s slows a session that is open down, and loses nothing of it (%s)', async (name, direction) => {
    const { relay, owner, dialer, open } = await liveRelay();
    const { seen, stream, ownerSeen, ownerStream } = await open();
    const [sender, from, to] = direction === 'to-owner' ? [dialer, stream, ownerSeen] : [owner, ownerStream, seen];
    from.write(new Uint8Array(65_536));
    sender.flush();
    await sender.until(() => to.bytes === 65_536, 'nothing limits it yet');
    relay.setLimits({ [name]: RATE });
    const start = { bytes: to.bytes, ms: performance.now() };
    for (let sent = 0; sent < TOTAL; sent += 65_536) from.write(new Uint8Array(65_536));
    from.end();
    sender.flush();
    await expect.poll(() => to.bytes - start.bytes, { timeout: 20_000 }).toBeGreaterThan(BURST / 2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const elapsedMs = performance.now() - start.ms;
    expect(to.bytes - start.bytes).toBeLessThanOrEqual(BURST + (RATE * elapsedMs) / 1_000);
    // The relay holds one window, what is more waits at the sender.
    expect(from.queuedBytes).toBeGreaterThan(TOTAL / 2);
    expect(relay.statistics().sessions).toBe(1);
    relay.setLimits({ [name]: 0 });
    await expect.poll(() => to.fin, { timeout: 20_000 }).toBe(true);
    expect(to.bytes).toBe(65_536 + TOTAL);
  });

  it('limits one direction and leaves the other alone', async () => {
    const { relay, owner, dialer, open } = await liveRelay({ limits: { bytesToLeasePerSecond: RATE } });
    const { seen, stream, ownerSeen, ownerStream } = await open();
    for (let sent = 0; sent < TOTAL; sent += 65_536) {
      stream.write(new Uint8Array(65_536));
      ownerStream.write(new Uint8Array(65_536));
    }
    dialer.flush();
    owner.flush();
    await expect.poll(() => seen.bytes, { timeout: 20_000 }).toBe(TOTAL);
    expect(ownerSeen.bytes).toBeLessThan(TOTAL);
    expect(relay.statistics().sessions).toBe(1);
  });
});

it('another length of the queues of sockets stops nobody, whatever stands in them', async () => {
  const { relay, dialer, open } = await liveRelay();
  const { stream, ownerSeen } = await open();
  const total = 64 << 20;
  for (let sent = 0; sent < total; sent += 65_536) stream.write(new Uint8Array(65_536));
  stream.end();
  dialer.flush();
  for (let turn = 0; !ownerSeen.fin; turn++) {
    relay.setLimits({ maxQueuedBytes: turn % 2 === 0 ? 16_384 : 1 << 20 });
    const before = ownerSeen.bytes;
    await expect.poll(() => ownerSeen.fin || ownerSeen.bytes > before + (1 << 20), { timeout: 20_000 }).toBe(true);
  }
  expect(ownerSeen.bytes).toBe(total);
});

describe('bytes per second in virtual time', () => {
  async function sessions(count: number, limits: Partial<RelayLimits>) {
    const harness = await createRelayInMemory({ limits });
    const owner = await harness.owner();
    owner.client.register(harness.key);
    await harness.pass();
    const { client } = await harness.connect();
    const opened = Array.from({ length: count }, () => client.connect(owner.credential.publicKey));
    await harness.pass();
    const seen = opened.map((_, index) => owner.client.accept(index));
    await harness.pass();
    return { ...harness, client, opened, seen };
  }

  it('are shared fairly by the sessions of one lease, and kept over time', async () => {
    const { pass, client, opened, seen } = await sessions(4, { bytesToLeasePerSecond: 1_000_000 });
    for (const { stream } of opened) for (let i = 0; i < 100; i++) stream.write(new Uint8Array(16_384));
    client.flush();
    for (let i = 0; i < 200; i++) await pass(10);
    const bytes = seen.map((each) => each.bytes);
    const all = bytes.reduce((sum, each) => sum + each, 0);
    expect(all).toBeGreaterThan(1_900_000);
    expect(all).toBeLessThan(2_000_000 + 250_000 + 4 * 16_384);
    for (const each of bytes) expect(Math.abs(each - all / 4)).toBeLessThan(4 * 16_384);
  });

  it('hold tiny frames in order, and everything that ends with the session', async () => {
    const { pass, client, opened, seen, relay } = await sessions(1, { bytesToLeasePerSecond: 16_384 });
    const [only] = opened;
    if (only === undefined) throw new Error('no session');
    for (let i = 0; i < 3; i++) only.stream.write(new Uint8Array(65_536));
    client.flush();
    await pass();
    for (let i = 0; i < 500; i++) {
      only.stream.write(Uint8Array.of(i & 0xff));
      client.flush();
    }
    only.stream.end();
    client.flush();
    await pass(100);
    expect(seen[0]?.bytes).toBe(2 * 65_536);
    expect(relay.statistics().budgetUsedBytes).toBeGreaterThan(65_536 + 500);
    for (let i = 0; i < 100; i++) await pass(100);
    expect(seen[0]).toMatchObject({ bytes: 3 * 65_536 + 500, fin: true });
    expect(seen[0]?.chunks.flatMap((chunk) => [...chunk])).toEqual(Array.from({ length: 500 }, (_, i) => i & 0xff));
    only.stream.reset(ResetCode.CANCELLED);
    client.flush();
    await pass();
    expect(relay.statistics()).toMatchObject({ sessions: 0, budgetUsedBytes: 0 });
  });

  it('gives back what a session held that ends while it waits', async () => {
    const { pass, client, opened, relay } = await sessions(3, { bytesToLeasePerSecond: 16_384 });
    for (const { stream } of opened) for (let i = 0; i < 8; i++) stream.write(new Uint8Array(65_536));
    client.flush();
    await pass(50);
    expect(relay.statistics().budgetUsedBytes).toBeGreaterThan(300_000);
    client.link.abort();
    await pass(50);
    expect(relay.statistics()).toMatchObject({ sessions: 0, budgetUsedBytes: 0 });
  });
});

describe('bytes per day', () => {
  it.each(['bytesPerAddressPerDay', 'bytesPerIdentityPerDay', 'bytesPerLeasePerDay'] as const)(
    '%s ends a session that goes above it, and refuses others until midnight',
    async (name) => {
      const { relay, dialer, open, refusal } = await liveRelay();
      const { seen, stream, ownerSeen } = await open();
      relay.setLimits({ [name]: 1_000_000 });
      for (let sent = 0; sent < TOTAL; sent += 65_536) stream.write(new Uint8Array(65_536));
      dialer.flush();
      await expect
        .poll(() => [seen.resetCode, ownerSeen.resetCode], { timeout: 20_000 })
        .toEqual([ResetCode.BUSY, ResetCode.BUSY]);
      expect(relay.statistics().relayedBytes).toBeLessThanOrEqual(1_000_000);
      expect(await refusal()).toEqual({
        code: RelayCode.LIMIT,
        text: expect.stringMatching(/^the bytes of this day are used up; more in \d+ s$/),
      });
      relay.setLimits({ [name]: 2_000_000 });
      const again = await open();
      expect(again.seen.resetCode).toBeUndefined();
      // Lowered below what was used: the session that is open goes at once.
      relay.setLimits({ [name]: 500_000 });
      await expect.poll(() => again.seen.resetCode, { timeout: 20_000 }).toBe(ResetCode.BUSY);
    },
  );

  it('begin again at midnight UTC', async () => {
    const { relay, key, owner, connect, pass, clock } = await createRelayInMemory({
      limits: { bytesPerLeasePerDay: 100_000 },
    });
    const { client, credential } = await owner();
    client.register(key, { ttlMs: 300_000 });
    await pass();
    const { client: dialer } = await connect();
    const first = dialer.connect(credential.publicKey);
    await pass();
    client.accept(0);
    await pass();
    first.stream.write(new Uint8Array(65_536));
    first.stream.write(new Uint8Array(65_536));
    dialer.flush();
    await pass();
    expect(first.seen.resetCode).toBe(ResetCode.BUSY);
    const refused = dialer.connect(credential.publicKey);
    await pass();
    expect(refused.seen.answer).toMatchObject({ code: RelayCode.LIMIT });
    clock.jumpWall(86_400_000);
    const next = dialer.connect(credential.publicKey);
    await pass();
    expect(next.seen.answer).toBeUndefined();
    expect(relay.statistics().waitingAccepts).toBe(1);
  });
});
