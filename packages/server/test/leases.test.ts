import { bytesEqual } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import { MessageKind, RegisterFlag, RelayCode, SupersededBy } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { createRelayInMemory } from './relay-in-memory.js';
import type { ScriptedClient } from './scripted-client.js';

const code = (client: ScriptedClient, request: number): number | undefined => {
  const answer = client.answerTo(request);
  return answer?.kind === MessageKind.ERROR ? answer.code : undefined;
};
const isRegistered = (client: ScriptedClient, request: number): boolean =>
  client.answerTo(request)?.kind === MessageKind.REGISTERED;
const instance = (fill: number): Uint8Array => new Uint8Array(16).fill(fill);

describe('leases', () => {
  it('takes a signed lease, grants a time within its bounds, and is found by name and by id', async () => {
    const { relay, key, owner, connect, pass } = await createRelayInMemory();
    const { client, credential } = await owner();
    const request = client.register(key, { name: 'printer', service: 'web', ttlMs: 1, sequence: 5 });
    await pass();
    expect(client.answerTo(request)).toEqual({
      kind: MessageKind.REGISTERED,
      request,
      service: 'web',
      sequence: 5,
      ttlMs: 10_000,
      name: 'printer',
    });
    const { client: dialer } = await connect();
    dialer.send({ kind: MessageKind.LOOKUP, request: 1, name: 'printer', id: null, service: '' });
    dialer.send({ kind: MessageKind.LOOKUP, request: 2, name: null, id: credential.publicKey, service: 'web' });
    dialer.send({ kind: MessageKind.LOOKUP, request: 3, name: null, id: credential.publicKey, service: '' });
    await pass();
    for (const asked of [1, 2]) {
      const found = dialer.answerTo(asked);
      if (found?.kind !== MessageKind.FOUND) throw new Error('not found');
      expect([bytesEqual(found.id, credential.publicKey), bytesEqual(found.keycert, credential.keycert)]).toEqual([
        true,
        true,
      ]);
      expect([found.service, bytesEqual(found.instance, instance(1))]).toEqual(['web', true]);
    }
    expect(code(dialer, 3)).toBe(RelayCode.NO_OWNER);
    expect(relay.statistics()).toMatchObject({ leases: 1, names: 1, refusals: { NO_OWNER: 1 } });
  });

  it("refuses with LEASE_INVALID what is not its owner's word for this relay", async () => {
    const { key, clock, owner, pass } = await createRelayInMemory();
    const { client } = await owner();
    const other = await Credential.create();
    const requests = [
      client.register(other.publicKey),
      client.register(key, { keycert: other.keycert }),
      client.register(key, { keycert: new Uint8Array(132) }),
      client.register(key, {}, { signature: new Uint8Array(64) }),
      client.register(key, { sequence: (clock.wallMs() + 86_400_000 + 60_000) * 1_000 }),
    ];
    await pass();
    expect(requests.map((request) => code(client, request))).toEqual(requests.map(() => RelayCode.LEASE_INVALID));
  });

  it('takes only growing sequence numbers, and tells the stored one', async () => {
    const { key, owner, pass } = await createRelayInMemory();
    const { client } = await owner();
    client.register(key, { sequence: 10 });
    const [same, lower, higher] = [
      client.register(key, { sequence: 10 }),
      client.register(key, { sequence: 9 }),
      client.register(key, { sequence: 11 }),
    ];
    await pass();
    expect(client.answerTo(same)).toMatchObject({ code: RelayCode.LEASE_STALE, value: 10 });
    expect(client.answerTo(lower)).toMatchObject({ code: RelayCode.LEASE_STALE, value: 10 });
    expect(isRegistered(client, higher)).toBe(true);
    client.send({ kind: MessageKind.RELEASE, request: 100, service: '', sequence: 11 });
    const afterRelease = client.register(key, { sequence: 11 });
    await pass();
    expect(client.answerTo(afterRelease)).toMatchObject({ code: RelayCode.LEASE_STALE, value: 11 });
  });

  it('remembers the sequence number of a lease from the moment its time ran out', async () => {
    const { key, clock, owner, pass } = await createRelayInMemory();
    const { client } = await owner();
    client.register(key, { sequence: 10, ttlMs: 10_000 });
    await pass();
    for (const laterMs of [10_000, 2_000]) {
      await pass(laterMs - (clock.nowMs() % 1_000 === 0 ? 1 : 0));
      const replayed = client.register(key, { sequence: 9 });
      await pass();
      expect(client.answerTo(replayed)).toMatchObject({ code: RelayCode.LEASE_STALE, value: 10 });
    }
    const request = client.register(key, { sequence: 11 });
    await pass();
    expect(isRegistered(client, request)).toBe(true);
  });

  it('answers BUSY when the memory for leases is used, and takes them again when some are gone', async () => {
    const { relay, key, owner, pass } = await createRelayInMemory({ limits: { maxLeaseBytes: 10_000 } });
    const { client } = await owner();
    const metadata = new Uint8Array(4_096);
    const requests = [
      client.register(key, { service: 'a', metadata }),
      client.register(key, { service: 'b', metadata }),
      client.register(key, { service: 'a', metadata, sequence: 2 }),
      client.register(key, { service: 'c' }),
    ];
    await pass();
    const busy = [undefined, RelayCode.BUSY, undefined, undefined];
    expect(requests.map((request) => code(client, request))).toEqual(busy);
    client.send({ kind: MessageKind.RELEASE, request: 90, service: 'a', sequence: 2 });
    const again = client.register(key, { service: 'b', metadata });
    await pass();
    expect([isRegistered(client, again), relay.statistics().leases]).toEqual([true, 2]);
  });

  it('ends a lease that is not renewed, and keeps one that is', async () => {
    const { relay, key, owner, pass, events } = await createRelayInMemory();
    const { client } = await owner();
    client.register(key, { service: 'kept', ttlMs: 10_000 });
    client.register(key, { service: 'lost', ttlMs: 10_000 });
    await pass();
    for (let i = 0; i < 4; i++) {
      await pass(4_000);
      client.send({ kind: MessageKind.RENEW, request: 50 + i, service: 'kept', sequence: 1 });
    }
    await pass();
    expect(client.answerTo(53)).toEqual({ kind: MessageKind.RENEWED, request: 53, ttlMs: 10_000 });
    expect(relay.statistics().leases).toBe(1);
    expect(events).toContainEqual(expect.objectContaining({ type: 'lease-end', service: 'lost', reason: 'expired' }));
    client.send({ kind: MessageKind.RENEW, request: 60, service: 'lost', sequence: 1 });
    client.send({ kind: MessageKind.RENEW, request: 61, service: 'kept', sequence: 2 });
    await pass();
    expect([code(client, 60), code(client, 61)]).toEqual([RelayCode.NO_LEASE, RelayCode.NO_LEASE]);
  });

  it('keeps a name for its owner for a day after the lease, who may take it back', async () => {
    const { key, owner, pass } = await createRelayInMemory();
    const [first, second] = [await owner(), await owner()];
    const pings = async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 3_600_000) await pass(Math.min(left, 3_600_000));
    };
    first.client.register(key, { name: 'box' });
    await pass();
    const taken = second.client.register(key, { name: 'box' });
    first.client.send({ kind: MessageKind.RELEASE, request: 90, service: '', sequence: 1 });
    await pass();
    expect(code(second.client, taken)).toBe(RelayCode.NAME_TAKEN);
    expect(first.client.answerTo(90)?.kind).toBe(MessageKind.RELEASED);
    const inGrace = second.client.register(key, { name: 'box' });
    const takenBack = first.client.register(key, { name: 'box', sequence: 2 });
    await pass();
    expect([code(second.client, inGrace), isRegistered(first.client, takenBack)]).toEqual([RelayCode.NAME_TAKEN, true]);
    first.client.send({ kind: MessageKind.RELEASE, request: 91, service: '', sequence: 2 });
    await pings(86_400_000 + 2_000);
    const free = second.client.register(key, { name: 'box' });
    await pass();
    expect(isRegistered(second.client, free)).toBe(true);
  });

  it('gives a name to one service of an identity at a time', async () => {
    const { key, owner, pass } = await createRelayInMemory();
    const { client } = await owner();
    client.register(key, { name: 'box', service: 'a' });
    const second = client.register(key, { name: 'box', service: 'b' });
    await pass();
    expect(code(client, second)).toBe(RelayCode.NAME_TAKEN);
    client.send({ kind: MessageKind.RELEASE, request: 90, service: 'a', sequence: 1 });
    const moved = client.register(key, { name: 'box', service: 'b' });
    await pass();
    expect(isRegistered(client, moved)).toBe(true);
  });

  it('limits leases and names per identity', async () => {
    const { key, owner, pass } = await createRelayInMemory({ limits: { leasesPerIdentity: 2, namesPerIdentity: 1 } });
    const { client } = await owner();
    const requests = ['a', 'b', 'c'].map((service) => client.register(key, { service }));
    await pass();
    expect(requests.map((request) => code(client, request))).toEqual([undefined, undefined, RelayCode.LIMIT]);
    const named = [
      client.register(key, { service: 'a', sequence: 2, name: 'one' }),
      client.register(key, { service: 'a', sequence: 3, name: 'two' }),
    ];
    await pass();
    expect(named.map((request) => code(client, request))).toEqual([undefined, RelayCode.LIMIT]);
  });
});

describe('two processes of one identity', () => {
  it('lets the same instance take over at once, and tells the old link so', async () => {
    const { key, connect, pass } = await createRelayInMemory();
    const signer = await Credential.create();
    const [{ client: old }, { client: fresh }] = [await connect({ signer }), await connect({ signer })];
    old.register(key);
    await pass();
    const request = fresh.register(key, { sequence: 2 });
    await pass();
    expect(isRegistered(fresh, request)).toBe(true);
    expect(old.messages.at(-1)).toEqual({ kind: MessageKind.SUPERSEDED, service: '', by: SupersededBy.SAME_INSTANCE });
  });

  it('answers LEASE_IN_USE to another instance while the holder answers a ping', async () => {
    const { key, connect, pass } = await createRelayInMemory();
    const signer = await Credential.create();
    const [{ client: old }, { client: other }] = [await connect({ signer }), await connect({ signer })];
    old.register(key);
    await pass();
    const request = other.register(key, { sequence: 2, instance: instance(2) });
    await pass();
    expect(code(other, request)).toBe(RelayCode.LEASE_IN_USE);
    const insisting = other.register(key, { sequence: 3, instance: instance(2) }, { flags: RegisterFlag.TAKE_OVER });
    await pass();
    expect(isRegistered(other, insisting)).toBe(true);
    expect(old.messages.at(-1)).toEqual({ kind: MessageKind.SUPERSEDED, service: '', by: SupersededBy.OTHER_INSTANCE });
  });

  it('gives the lease away when the holder does not answer for 2 s', async () => {
    const { key, connect, pass } = await createRelayInMemory();
    const signer = await Credential.create();
    const [{ client: old }, { client: other }] = [await connect({ signer }), await connect({ signer })];
    old.register(key);
    await pass();
    old.isAlive = false;
    const request = other.register(key, { sequence: 2, instance: instance(2) });
    await pass(1_900);
    expect(other.answerTo(request)).toBeUndefined();
    await pass(200);
    expect(isRegistered(other, request)).toBe(true);
  });

  it('gives the lease away without a ping when its link is gone', async () => {
    const { relay, key, connect, pass } = await createRelayInMemory();
    const signer = await Credential.create();
    const [{ client: old, link }, { client: other }] = [await connect({ signer }), await connect({ signer })];
    old.register(key, { name: 'box' });
    await pass();
    link.abort();
    await pass();
    expect(relay.statistics()).toMatchObject({ links: 1, leases: 1 });
    const request = other.register(key, { sequence: 2, instance: instance(2), name: 'box' });
    await pass();
    expect(isRegistered(other, request)).toBe(true);
  });

  it('refuses RENEW and RELEASE of a link that was displaced with NO_LEASE', async () => {
    const { key, connect, pass } = await createRelayInMemory();
    const signer = await Credential.create();
    const [{ client: old }, { client: fresh }] = [await connect({ signer }), await connect({ signer })];
    old.register(key);
    await pass();
    fresh.register(key, { sequence: 2, instance: instance(2) }, { flags: RegisterFlag.TAKE_OVER });
    await pass();
    old.send({ kind: MessageKind.RENEW, request: 90, service: '', sequence: 1 });
    old.send({ kind: MessageKind.RELEASE, request: 91, service: '', sequence: 1 });
    old.send({ kind: MessageKind.RELEASE, request: 92, service: '', sequence: 2 });
    fresh.send({ kind: MessageKind.RENEW, request: 93, service: '', sequence: 2 });
    await pass();
    expect([90, 91, 92].map((request) => code(old, request))).toEqual(new Array(3).fill(RelayCode.NO_LEASE));
    expect(fresh.answerTo(93)?.kind).toBe(MessageKind.RENEWED);
  });

  it('does not find an owner whose link is gone', async () => {
    const { key, owner, connect, pass } = await createRelayInMemory();
    const { client, credential } = await owner();
    client.register(key);
    await pass();
    client.link.abort();
    const { client: dialer } = await connect();
    dialer.send({ kind: MessageKind.LOOKUP, request: 1, name: null, id: credential.publicKey, service: '' });
    await pass();
    expect(code(dialer, 1)).toBe(RelayCode.NO_OWNER);
  });
});
