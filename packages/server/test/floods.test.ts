import { Credential } from '@sealane/crypto/credential';
import { MessageKind, RelayCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { createRelayInMemory } from './relay-in-memory.js';
import { listenRelay, type RawSocket, upgradeRequest } from './relay-on-socket.js';
import type { SeenStream } from './scripted-client.js';

const rejection = (seen: SeenStream): number | undefined =>
  seen.answer?.kind === MessageKind.REJECT ? seen.answer.code : undefined;

const proxies = { exemptLoopback: false };

/** Many connections at once from one address. */
function openMany(raw: (localAddress: string) => Promise<RawSocket>, count: number, address: string) {
  return Promise.all(Array.from({ length: count }, () => raw(address)));
}

describe('a flood of connections', () => {
  it('is refused with an answer at most 100 times a second, and beyond it without a word; all of it is counted', async () => {
    const { raw, relay } = await listenRelay({ ...proxies, limits: { newSocketsPerAddressPerSecond: 1 } });
    const began = performance.now();
    const sockets = await openMany(raw, 400, '127.7.7.7');
    const [first, ...refused] = await Promise.all(sockets.map(async (each) => ({ ...each, end: await ended(each) })));
    const seconds = Math.ceil((performance.now() - began) / 1_000);
    expect(first).toBeDefined();
    const answered = refused.filter(({ text }) => text().startsWith('HTTP/1.1 429'));
    expect(answered.length).toBeGreaterThanOrEqual(50);
    expect(answered.length).toBeLessThanOrEqual(100 * (seconds + 1));
    expect(refused.every(({ text }) => text() === '' || text().startsWith('HTTP/1.1 429'))).toBe(true);
    const counted = relay.statistics().refusals['NEW_SOCKETS_PER_ADDRESS'] ?? 0;
    expect(counted).toBeGreaterThanOrEqual(400 - 1 - seconds);
  });

  it('waits for its turn by addresses: one connection of another address comes before the rest of it', async () => {
    // A share of which 25 ms of work use up a second.
    const { raw, relay } = await listenRelay({
      ...proxies,
      limits: {
        arrivalCpuShare: 0.01,
        authTimeoutMs: 3_000,
        newSocketsPerAddressPerSecond: 2_000,
        socketsPerAddress: 2_000,
      },
    });
    const flood = await openMany(raw, 800, '127.7.7.7');
    for (const { socket } of flood) socket.write(upgradeRequest());
    const honest = await raw('127.8.8.8');
    honest.socket.write(upgradeRequest());
    await expect.poll(() => honest.text(), { timeout: 20_000 }).toContain('101 Switching Protocols');
    const served = flood.filter(({ text }) => text().includes('101')).length;
    expect(served).toBeLessThan(700);
    expect(relay.statistics().unauthenticated).toBe(801);
    for (const { socket } of [...flood, honest]) socket.destroy();
    // Who waits in vain and goes leaves nothing behind.
    await expect.poll(() => relay.statistics().sockets, { timeout: 20_000 }).toBe(0);
  });

  it('of sockets that never speak pushes out itself, and not who came alone', async () => {
    const { raw, relay } = await listenRelay({
      ...proxies,
      limits: { maxUnauthenticated: 50, newSocketsPerAddressPerSecond: 1_000, socketsPerAddress: 1_000 },
    });
    const honest = await raw('127.8.8.8');
    const flood = await openMany(raw, 300, '127.7.7.7');
    await expect.poll(() => relay.statistics().refusals['UNAUTHENTICATED']).toBe(251);
    honest.socket.write(upgradeRequest());
    await expect.poll(() => honest.text()).toContain('101 Switching Protocols');
    for (const { socket } of [...flood, honest]) socket.destroy();
  });
});

describe('requests for connections', () => {
  it('have a share of a core, whoever sends them, and take turns by links', async () => {
    // Time stands still while the relay works: each CONNECT is charged with what it costs beside its handling, 0.03 ms,
    // and as much again if it waited.
    const limits = { connectCpuShare: 0.03, connectsPerIdentityPerSecond: 10_000, streamsPerLink: 2_000 };
    const { connect, owner, key, pass } = await createRelayInMemory({ limits });
    const { client, credential } = await owner();
    client.register(key);
    const [{ client: loud }, { client: quiet }] = [await connect(), await connect()];
    await pass();
    const nobody = (await Credential.create()).publicKey;
    const asked = Array.from({ length: 1_500 }, () => loud.connect(nobody).seen);
    const { seen } = quiet.connect(credential.publicKey);
    await pass();
    const served = () => asked.filter((each) => rejection(each) === RelayCode.NO_OWNER).length;
    // The burst alone.
    expect(served()).toBeGreaterThan(700);
    expect(served()).toBeLessThan(900);
    // Then one every other millisecond: hundreds of the loud one wait when the quiet one has its turn.
    await pass(50);
    expect([client.forwards.length, rejection(seen)]).toEqual([1, undefined]);
    expect(served()).toBeLessThan(1_000);
    await pass(3_000);
    expect(served()).toBe(1_500);
  });

  it('that wait are 4,096 at most, the next ones are BUSY, and what went meanwhile costs nothing any more', async () => {
    const limits = {
      connectCpuShare: 0.001,
      connectsPerIdentityPerSecond: 100_000,
      streamsPerLink: 3_000,
      requestsPerLinkPerSecond: 10_000,
    };
    const { connect, pass, relay } = await createRelayInMemory({ limits });
    const nobody = (await Credential.create()).publicKey;
    const clients = [(await connect()).client, (await connect()).client];
    const before = relay.statistics().budgetUsedBytes;
    const asked = clients.flatMap((client) => Array.from({ length: 2_900 }, () => client.connect(nobody)));
    await pass();
    await pass();
    const busy = asked.filter(({ seen }) => rejection(seen) === RelayCode.BUSY).length;
    const answered = asked.filter(({ seen }) => rejection(seen) === RelayCode.NO_OWNER).length;
    expect(asked.length - busy - answered).toBe(4_096);
    expect(relay.statistics().budgetUsedBytes).toBeGreaterThan(before);
    for (const client of clients) client.link.abort();
    await pass(10);
    expect(relay.statistics()).toMatchObject({ links: 0, budgetUsedBytes: before });
  });
});

/** Resolves with how the relay ended it; at once for one that it let in. */
async function ended({ socket, closed, text }: RawSocket): Promise<'open' | 'closed'> {
  const timer = new Promise<'open'>((resolve) => setTimeout(() => resolve('open'), 1_000));
  const end = await Promise.race([closed.then(() => 'closed' as const), timer]);
  if (end === 'open' && text() === '') socket.destroy();
  return end;
}
