import { bytesEqual } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import { SignatureLabel, verify } from '@sealane/crypto/signature';
import { decodeLease, encodeMessage, type Listed } from '@sealane/protocol';
import { VirtualClock } from '@sealane/testkit';
import { LeaseFlag, LinkFeature, MessageKind, ProtocolSize, RelayCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import type { LeaseRecord } from '../src/lease-store.js';
import { resolveLimits } from '../src/limits.js';
import { MemoryLeaseStore } from '../src/memory-lease-store.js';
import { createRelayInMemory, type RelayInMemory } from './relay-in-memory.js';
import type { ScriptedClient } from './scripted-client.js';

const PUBLIC = { flags: LeaseFlag.PUBLIC };

async function page(
  world: RelayInMemory,
  client: ScriptedClient,
  cursor: Uint8Array | null = null,
  limit = 15,
): Promise<Listed> {
  const request = client.nextRequest();
  client.send({ kind: MessageKind.LIST, request, cursor, limit });
  await world.pass();
  const answer = client.answerTo(request);
  if (answer?.kind !== MessageKind.LISTED) throw new Error(`no page: ${JSON.stringify(answer)}`);
  return answer;
}

/** Every page up to the last, with what happens between two of them. */
async function pages(
  world: RelayInMemory,
  client: ScriptedClient,
  limit = 15,
  between: (page: number) => Promise<void> = () => Promise.resolve(),
): Promise<Listed[]> {
  const all: Listed[] = [];
  for (let cursor: Uint8Array | null = null; ; ) {
    const listed = await page(world, client, cursor, limit);
    all.push(listed);
    if (listed.next === null) return all;
    cursor = listed.next.slice();
    await between(all.length);
    await world.pass(100);
  }
}

const keysOf = (listed: readonly Listed[]): string[] =>
  listed
    .flatMap(({ entries }) => entries.map(({ lease }) => decodeLease(lease)))
    .map(({ keycert, service }) => `${Buffer.from(keycert.subarray(0, 32)).toString('hex')}/${service}`);

describe('LIST', () => {
  it('lists a lease only if it says that it is public, exactly as its owner signed it', async () => {
    const world = await createRelayInMemory();
    const { client, credential } = await world.owner();
    client.register(world.key, { service: 'open', name: 'open', metadata: new Uint8Array([7]), ...PUBLIC });
    client.register(world.key, { service: 'closed', name: 'closed' });
    client.register(world.key, { service: 'other-bits', flags: ~LeaseFlag.PUBLIC >>> 0 });
    await world.pass();
    const { client: dialer } = await world.connect();
    const { entries, next } = await page(world, dialer);
    expect(next).toBeNull();
    expect(entries).toHaveLength(1);
    const { lease, signature, expiresInMs } = entries[0]!;
    expect(verify(SignatureLabel.LEASE, credential.publicKey, signature, lease)).toBe(true);
    expect(decodeLease(lease)).toMatchObject({ service: 'open', name: 'open', flags: LeaseFlag.PUBLIC });
    expect(bytesEqual(decodeLease(lease).keycert, credential.keycert)).toBe(true);
    expect(expiresInMs).toBeGreaterThan(59_000);
    expect(expiresInMs).toBeLessThanOrEqual(60_000);
  });

  it('shows every public lease exactly once over its pages, while others come, go and are registered again', async () => {
    const world = await createRelayInMemory();
    const owners = await Promise.all(Array.from({ length: 7 }, () => world.owner()));
    const steady: string[] = [];
    for (const { client, credential } of owners) {
      for (let index = 0; index < 10; index += 1) {
        client.register(world.key, { service: `s${index}`, ...PUBLIC });
        steady.push(`${Buffer.from(credential.publicKey).toString('hex')}/s${index}`);
      }
      await world.pass();
    }
    const { client: dialer } = await world.connect();
    const listed = await pages(world, dialer, 4, async (number) => {
      const { client } = owners[number % owners.length]!;
      client.register(world.key, { service: 's3', sequence: 1 + number, ...PUBLIC });
      client.register(world.key, { service: `new${number % 6}`, sequence: 1 + number, ...PUBLIC });
      const { client: before } = owners[(number - 1) % owners.length]!;
      const service = `new${(number - 1) % 6}`;
      before.send({ kind: MessageKind.RELEASE, request: before.nextRequest(), service, sequence: number });
      await world.pass();
    });
    const seen = keysOf(listed);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((key) => !key.includes('/new')).sort()).toEqual(steady.sort());
    expect(Math.max(...listed.map(({ entries }) => entries.length))).toBe(4);
  });

  it('keeps every page within a control body: a lease with all the metadata there may be fits once', async () => {
    const world = await createRelayInMemory();
    const alpn = Array.from({ length: 16 }, (_, index) => `${index}`.padStart(64, 'x'));
    const large = { metadata: new Uint8Array(ProtocolSize.METADATA).fill(9), alpn, suites: [1, 2, 3, 4, 5, 6, 7, 8] };
    for (let index = 0; index < 3; index += 1) {
      const { client } = await world.owner();
      client.register(world.key, {
        ...large,
        ...PUBLIC,
        service: `${index}`.padStart(63, 's'),
        name: `${index}`.padStart(40, 'n'),
        sequence: (world.clock.wallMs() + 1) * 1_000,
      });
      client.register(world.key, { service: 'small', ...PUBLIC });
      await world.pass();
    }
    const { client: dialer } = await world.connect();
    const listed = await pages(world, dialer);
    expect(keysOf(listed)).toHaveLength(6);
    for (const answer of listed) {
      expect(encodeMessage(answer).length).toBeLessThanOrEqual(ProtocolSize.CONTROL);
      expect(answer.entries.filter(({ lease }) => lease.length > 4_096).length).toBeLessThanOrEqual(1);
    }
  });

  it('leaves out what was released, has run out, is no longer public, or has lost its link', async () => {
    const world = await createRelayInMemory();
    const names = ['released', 'expired', 'closed', 'gone', 'stays'] as const;
    const owners = new Map<string, Awaited<ReturnType<RelayInMemory['owner']>>>();
    for (const name of names) {
      const owner = await world.owner();
      owners.set(name, owner);
      owner.client.register(world.key, { service: name, ttlMs: name === 'expired' ? 10_000 : 60_000, ...PUBLIC });
    }
    await world.pass();
    const { client: dialer } = await world.connect();
    const services = async (): Promise<string[]> =>
      keysOf(await pages(world, dialer))
        .map((key) => key.split('/')[1]!)
        .sort();
    expect(await services()).toEqual([...names].sort());
    owners.get('released')!.client.send({ kind: MessageKind.RELEASE, request: 99, service: 'released', sequence: 1 });
    owners.get('closed')!.client.register(world.key, { service: 'closed', sequence: 2 });
    owners.get('gone')!.client.link.close();
    await world.pass(12_000);
    expect(await services()).toEqual(['stays']);
    // The lease without a link is still in force: looking on is what a page that is not full is followed by.
    expect(world.relay.statistics().leases).toBe(3);
  });

  it('goes on after the place of a cursor that it never gave', async () => {
    const world = await createRelayInMemory();
    const { client } = await world.owner();
    for (const service of ['a', 'b']) client.register(world.key, { service, ...PUBLIC });
    await world.pass();
    const { client: dialer } = await world.connect();
    for (const cursor of [new Uint8Array([0]), new Uint8Array(128).fill(255), new TextEncoder().encode('\u{1f600}')]) {
      const { entries, next } = await page(world, dialer, cursor);
      expect([[0, 2].includes(entries.length), next]).toEqual([true, null]);
    }
  });

  it.each([
    ['a client that did not offer it', {}, { features: 0 }],
    ['a relay that lists nothing', { listing: false }, {}],
  ])('is refused on the link of %s, and not in use there', async (_, relayOptions, clientOptions) => {
    const world = await createRelayInMemory(relayOptions);
    const { client } = await world.connect(clientOptions);
    const isOffered = (client.hello!.features & LinkFeature.LIST) !== 0;
    expect(isOffered).toBe(!('listing' in relayOptions));
    client.send({ kind: MessageKind.LIST, request: 5, cursor: null, limit: 15 });
    await world.pass();
    expect(client.answerTo(5)).toMatchObject({ kind: MessageKind.ERROR, code: RelayCode.MALFORMED });
    expect(client.end).toBeUndefined();
  });

  it('counts as two requests, and BUSY says when to come again', async () => {
    const world = await createRelayInMemory({ limits: { requestsPerLinkPerSecond: 20 } });
    const { client } = await world.connect();
    const requests = Array.from({ length: 11 }, () => client.nextRequest());
    for (const request of requests) client.send({ kind: MessageKind.LIST, request, cursor: null, limit: 1 });
    await world.pass();
    const kinds = requests.map((request) => client.answerTo(request)?.kind);
    expect(kinds.filter((kind) => kind === MessageKind.LISTED)).toHaveLength(10);
    expect(client.answerTo(requests[10]!)).toMatchObject({ code: RelayCode.BUSY, value: 100 });
    await world.pass(100);
    client.send({ kind: MessageKind.LIST, request: 99, cursor: null, limit: 1 });
    await world.pass();
    expect(client.answerTo(99)?.kind).toBe(MessageKind.LISTED);
  });
});

describe('MemoryLeaseStore.listPublic', () => {
  it('looks at as many leases as one page asks for, with 100,000 in force', async () => {
    const clock = new VirtualClock();
    // The store asks for the time once for each lease that it looks at.
    let asked = 0;
    const store = new MemoryLeaseStore(resolveLimits({ leasesPerIdentity: 1e6, maxLeaseBytes: 1e9 }), {
      nowMs: () => {
        asked += 1;
        return clock.nowMs();
      },
      wallMs: () => clock.wallMs(),
      schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
    });
    const { id, publicKey, keycert } = await Credential.create();
    const template: Omit<LeaseRecord, 'service' | 'signed'> = {
      id,
      identity: publicKey,
      keycert,
      instance: new Uint8Array(16),
      sequence: 1,
      name: null,
      alpn: null,
      suites: [2],
      flags: 0,
      metadata: new Uint8Array(0),
      ttlMs: 60_000,
      holder: 'link',
    };
    const signed = { lease: new Uint8Array(300), signature: new Uint8Array(64) };
    for (let index = 0; index < 100_000; index += 1) {
      const service = `${(index * 7_919) % 100_000}`;
      store.claim({ ...template, service, signed: index % 2 === 0 ? signed : null }, { replaces: undefined });
    }
    const seen = new Set<string>();
    let cursor: string | undefined;
    do {
      asked = 0;
      const { records, next } = store.listPublic(cursor, 64);
      expect(asked).toBeLessThanOrEqual(64);
      for (const { record } of records) seen.add(record.service);
      cursor = next;
    } while (cursor !== undefined);
    expect(seen.size).toBe(50_000);
    // All of them run out between two sweeps: a page is then empty, and no dearer.
    await clock.advanceAsync(60_000);
    asked = 0;
    const { records, next } = store.listPublic(undefined, 64);
    expect([records.length, next !== undefined, asked <= 64]).toEqual([0, true, true]);
  });
});
