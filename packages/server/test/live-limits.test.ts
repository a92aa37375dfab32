import { Credential } from '@sealane/crypto/credential';
import { MessageKind, RelayCode, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { createRelayInMemory } from './relay-in-memory.js';

describe('limits that change while a relay serves', () => {
  it('hold for the next lease, and for the newest of those in force', async () => {
    const { relay, key, owner, pass } = await createRelayInMemory();
    const { client } = await owner();
    const register = async (service: string, sequence: number): Promise<MessageKind | undefined> => {
      const request = client.register(key, { service, sequence });
      await pass();
      return client.answerTo(request)?.kind;
    };
    expect([await register('a', 1), await register('b', 1)]).toEqual([MessageKind.REGISTERED, MessageKind.REGISTERED]);
    relay.setLimits({ leasesPerIdentity: 2 });
    expect([await register('c', 1), client.end]).toEqual([MessageKind.ERROR, undefined]);
    relay.setLimits({ leasesPerIdentity: 1 });
    await pass();
    // Its link goes with it: there the owner reads why, and takes the other one back with the next.
    expect([client.errorCodes.at(-1), client.end?.code, relay.statistics().leases]).toEqual([RelayCode.LIMIT, 1008, 1]);
    relay.setLimits({ leasesPerIdentity: 3 });
    expect(relay.limits.leasesPerIdentity).toBe(3);
  });

  it('are all changed or none', async () => {
    const { relay } = await createRelayInMemory();
    const before = relay.limits;
    for (const wrong of [{ maxLeases: 1, maxSocket: 2 }, { maxLeases: 1, maxNames: -1 }, { maxLeases: Number.NaN }]) {
      expect(() => relay.setLimits(wrong)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    }
    expect(relay.limits).toEqual(before);
  });

  it('end the newest sessions of an identity above a lowered one, and let the oldest go on', async () => {
    const { relay, key, owner, connect, pass } = await createRelayInMemory();
    const { client: holder, credential } = await owner();
    holder.register(key);
    await pass();
    const { client: dialer } = await connect();
    const sessions = [];
    for (let i = 0; i < 3; i++) {
      sessions.push(dialer.connect(credential.publicKey));
      await pass();
      holder.accept(i);
      await pass();
    }
    expect(relay.statistics().sessions).toBe(3);
    relay.setLimits({ sessionsPerIdentity: 1 });
    await pass();
    expect(sessions.map(({ seen }) => seen.resetCode)).toEqual([undefined, ResetCode.BUSY, ResetCode.BUSY]);
    sessions[0]?.stream.write(new Uint8Array([1, 2, 3]));
    dialer.flush();
    await pass();
    expect([holder.forwards[0]?.seen.bytes, relay.statistics().sessions]).toEqual([3, 1]);
  });

  it('end the newest links of an identity above a lowered one', async () => {
    const { relay, connect, pass } = await createRelayInMemory();
    const signer = await Credential.create();
    const links = [await connect({ signer }), await connect({ signer }), await connect()];
    relay.setLimits({ linksPerIdentity: 1 });
    await pass();
    expect(links.map(({ client }) => client.errorCodes)).toEqual([[], [RelayCode.LIMIT], []]);
    expect(relay.statistics().links).toBe(2);
  });

  it('change rates at once, up and down', async () => {
    const { relay, connect, pass } = await createRelayInMemory({ limits: { requestsPerLinkPerSecond: 10 } });
    const { client } = await connect();
    const ask = async (count: number): Promise<number> => {
      const before = client.errorCodes.filter((code) => code === RelayCode.BUSY).length;
      for (let i = 0; i < count; i++) {
        client.send({ kind: MessageKind.LOOKUP, request: client.nextRequest(), name: 'x', id: null, service: '' });
      }
      await pass();
      return client.errorCodes.filter((code) => code === RelayCode.BUSY).length - before;
    };
    expect(await ask(30)).toBe(20);
    relay.setLimits({ requestsPerLinkPerSecond: 100 });
    await pass(1_000);
    expect(await ask(100)).toBe(0);
    relay.setLimits({ requestsPerLinkPerSecond: 5 });
    await pass(10_000);
    expect(await ask(30)).toBeGreaterThanOrEqual(20);
  });

  it('lower the memory for windows, and new streams are refused until it fits', async () => {
    const { relay, key, owner, connect, pass } = await createRelayInMemory();
    const { client: holder, credential } = await owner();
    holder.register(key);
    await pass();
    const { client: dialer } = await connect();
    dialer.connect(credential.publicKey);
    await pass();
    holder.accept(0);
    await pass();
    relay.setLimits({ memoryBudgetBytes: 4_096 });
    expect(relay.statistics().budgetLimitBytes).toBe(4_096);
    const { seen } = dialer.connect(credential.publicKey);
    await pass();
    expect(seen.resetCode).toBe(ResetCode.BUSY);
    relay.setLimits({ memoryBudgetBytes: 167_772_160 });
    dialer.connect(credential.publicKey);
    await pass();
    expect(holder.forwards).toHaveLength(2);
  });
});
