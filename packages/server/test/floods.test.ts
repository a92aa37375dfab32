import { Credential } from '@sealane/crypto/credential';
import { VirtualClock } from '@sealane/testkit';
import { MessageKind, RelayCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { createRelayInMemory } from './relay-in-memory.js';
import { listenRelay, type RawSocket, upgradeRequest } from './relay-on-socket.js';
import type { SeenStream } from './scripted-client.js';

const rejection = (seen: SeenStream): number | undefined =>
  seen.answer?.kind === MessageKind.REJECT ? seen.answer.code : undefined;

const proxies = { exemptLoopback: false };

/** The conditions are exact, the machine may be slow. */
const patience = { timeout: 30_000 };

/** Many connections at once from one address. */
function openMany(raw: (localAddress: string) => Promise<RawSocket>, count: number, address: string) {
  return Promise.all(Array.from({ length: count }, () => raw(address)));
}

describe('a flood of connections', () => {
  it('is refused with an answer 100 times a second, and beyond it without a word; all of it is counted', async () => {
    const clock = new VirtualClock();
    const limits = { newSocketsPerAddressPerSecond: 1 };
    const { raw, relay } = await listenRelay({ ...proxies, clock, limits });
    const refused = () => relay.statistics().refusals['NEW_SOCKETS_PER_ADDRESS'];
    const flood = await openMany(raw, 400, '127.7.7.7');
    await expect.poll(refused, patience).toBe(399);
    await expect.poll(() => closed(flood), patience).toHaveLength(399);
    expect(closed(flood).filter(({ text }) => text().startsWith('HTTP/1.1 429'))).toHaveLength(100);
    expect(closed(flood).filter(({ text }) => text() === '')).toHaveLength(299);
    clock.advance(1_000);
    const next = await openMany(raw, 150, '127.7.7.7');
    await expect.poll(refused, patience).toBe(399 + 149);
    await expect.poll(() => closed(next), patience).toHaveLength(149);
    expect(closed(next).filter(({ text }) => text().startsWith('HTTP/1.1 429'))).toHaveLength(100);
  });

  it('waits for its turn by addresses: one connection of another address comes before the rest of it', async () => {
    const clock = new VirtualClock();
    const limits = { arrivalCpuShare: 0.01, newSocketsPerAddressPerSecond: 2_000, socketsPerAddress: 2_000 };
    const { raw, relay } = await listenRelay({ ...proxies, clock, limits });
    const flood = await openMany(raw, 800, '127.7.7.7');
    for (const { socket } of flood) socket.write(upgradeRequest());
    const served = () => flood.filter(({ text }) => text().includes('101 Switching Protocols')).length;
    await expect.poll(() => relay.statistics().unauthenticated, patience).toBe(800);
    // Time stands still while the relay works: each is charged what it costs beside that. Two milliseconds of it in the first turn.
    await expect.poll(served, patience).toBeGreaterThan(10);
    expect(served()).toBeLessThan(60);
    // So much in each of the next ones, until the burst of 25 ms ends.
    const servedLater = (): number => {
      clock.advance(1);
      return served();
    };
    await expect.poll(servedLater, { ...patience, interval: 5 }).toBeGreaterThan(200);
    expect(served()).toBeLessThan(600);
    const honest = await raw('127.8.8.8');
    honest.socket.write(upgradeRequest());
    await expect.poll(() => relay.statistics().unauthenticated, patience).toBe(801);
    // When there is something of the share again: one of the flood that came first, then the honest one.
    const answerLater = (): string => {
      clock.advance(20);
      return honest.text();
    };
    await expect.poll(answerLater, { ...patience, interval: 5 }).toContain('101 Switching Protocols');
    expect(served()).toBeLessThan(600);
    for (const { socket } of [...flood, honest]) socket.destroy();
    // Who waits in vain and goes leaves nothing behind.
    await expect.poll(() => relay.statistics().unauthenticated, patience).toBeLessThan(600);
    clock.advance(20_000);
    await expect.poll(() => relay.statistics().sockets, patience).toBe(0);
  });

  it('of sockets that never speak pushes out itself, and not who came alone', async () => {
    const clock = new VirtualClock();
    const { raw, relay } = await listenRelay({
      ...proxies,
      clock,
      limits: { maxUnauthenticated: 50, newSocketsPerAddressPerSecond: 1_000, socketsPerAddress: 1_000 },
    });
    const honest = await raw('127.8.8.8');
    const flood = await openMany(raw, 300, '127.7.7.7');
    await expect.poll(() => relay.statistics().refusals['UNAUTHENTICATED'], patience).toBe(251);
    honest.socket.write(upgradeRequest());
    await expect.poll(() => honest.text(), patience).toContain('101 Switching Protocols');
    for (const { socket } of [...flood, honest]) socket.destroy();
    // That one which waits unread is gone is noticed at its turn.
    const leftLater = (): number => {
      clock.advance(1);
      return relay.statistics().sockets;
    };
    await expect.poll(leftLater, { ...patience, interval: 5 }).toBe(0);
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
    // Two milliseconds of it in a turn: more than a thousand of the loud one wait when the quiet one has its turn.
    await pass();
    expect(served()).toBeGreaterThan(50);
    expect(served()).toBeLessThan(250);
    expect([client.forwards.length, rejection(seen)]).toEqual([1, undefined]);
    // The burst ends, and then there is one every other millisecond.
    await pass(50);
    expect(served()).toBeGreaterThan(400);
    expect(served()).toBeLessThan(700);
    await pass(3_000);
    expect(served()).toBe(1_500);
  });

  it('are answered BUSY above their rate 200 times for a link while others wait, and then it ends', async () => {
    const limits = { connectCpuShare: 0.001, connectsPerIdentityPerSecond: 1_000, streamsPerLink: 5_000 };
    const { connect, pass } = await createRelayInMemory({ limits });
    const nobody = (await Credential.create()).publicKey;
    const { client } = await connect();
    const asked = Array.from({ length: 1_500 }, () => client.connect(nobody).seen);
    await pass();
    await pass();
    expect(asked.filter((seen) => rejection(seen) === RelayCode.BUSY)).toHaveLength(200);
    expect(client.errorCodes).toEqual([RelayCode.LIMIT]);
    // Where nothing waits it is 2,000 times (hostile-after-auth.test.ts).
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
    // The first ones take all of the burst, turn by turn.
    const asked = Array.from({ length: 900 }, () => clients[0]!.connect(nobody));
    await pass(50);
    asked.push(...clients.flatMap((client) => Array.from({ length: 2_400 }, () => client.connect(nobody))));
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

/** Those that the relay has ended. */
function closed(sockets: readonly RawSocket[]): RawSocket[] {
  return sockets.filter(({ socket }) => socket.closed);
}
