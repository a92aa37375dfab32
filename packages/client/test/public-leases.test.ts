import { Credential } from '@sealane/crypto/credential';
import { SignatureLabel } from '@sealane/crypto/signature';
import { type ControlMessage, decodeLease, encodeLease, type Lease, type Listed } from '@sealane/protocol';
import { LeaseFlag, LinkFeature, MessageKind, RelayCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { MemoryKeycertStore, type PublicLease, type RelayClient } from '../src/index.js';
import type { ScriptedRelayOptions } from './support/scripted-relay.js';
import { World } from './support/world.js';

const features = LinkFeature.LIST;
const stranger = await Credential.create();

async function collect(client: RelayClient, signal?: AbortSignal): Promise<PublicLease[]> {
  const leases: PublicLease[] = [];
  for await (const lease of client.listPublic(signal === undefined ? {} : { signal })) leases.push(lease);
  return leases;
}

/** A relay that changes its LISTED; `change` gets the one honest entry. */
async function listingRelay(
  change: (listed: Listed) => ControlMessage,
): Promise<{ world: World; client: RelayClient }> {
  const world = await World.create({
    features,
    onAnswer: (answer) => (answer.kind === MessageKind.LISTED ? change(answer) : answer),
  });
  await world.owner({ public: true });
  return { world, client: await world.client() };
}

/** The listed lease with other contents, signed by `signer`. */
function resigned(listed: Listed, signer: Credential, changes: Partial<Lease>): Listed {
  const lease = encodeLease({ ...decodeLease(listed.entries[0]!.lease), keycert: signer.keycert, ...changes });
  const signature = signer.sign(SignatureLabel.LEASE, lease);
  return { ...listed, entries: [{ lease, signature, expiresInMs: 1 }] };
}

describe('listPublic', () => {
  it('gives what owners made public, page by page, and asks for no page before it is needed', async () => {
    const world = await World.create({ features });
    const { client } = await world.owner({
      service: 'a',
      name: 'first',
      public: true,
      metadata: new Uint8Array([1, 2]),
      alpn: ['x/1', 'y/1'],
    });
    await world.until(client.listen({ service: 'b', public: true, hideAlpn: true, accept: () => false }));
    await world.until(client.listen({ service: 'c', accept: () => false }));
    const lister = await world.client();
    const asked = (): number => world.relay.requests.filter(({ kind }) => kind === MessageKind.LIST).length;
    const leases = lister.listPublic()[Symbol.asyncIterator]();
    expect(asked()).toBe(0);
    expect((await world.until(leases.next())).value).toEqual({
      id: client.id,
      service: 'a',
      name: 'first',
      alpn: ['x/1', 'y/1'],
      metadata: new Uint8Array([1, 2]),
      expiresInMs: 60_000,
    });
    expect(asked()).toBe(1);
    expect((await world.until(leases.next())).value).toMatchObject({ service: 'b', name: undefined, alpn: [] });
    expect((await world.until(leases.next())).done).toBe(true);
    expect(asked()).toBe(2);
  });

  it.each<[string, ScriptedRelayOptions]>([
    ['does not offer it', { features: 0 }],
    ['offers only what is not known here', { features: 0xffff_fffd }],
    ['claims in AUTH_OK what HELLO did not offer', { features: 0, featuresInUse: 0xffff_ffff }],
  ])('is ERR_RELAY_UNSUPPORTED at a relay that %s, which is never sent a LIST', async (_, options) => {
    const world = await World.create(options);
    await world.owner({ public: true });
    const client = await world.client();
    await expect(world.until(collect(client))).rejects.toMatchObject({ code: 'ERR_RELAY_UNSUPPORTED' });
    expect(world.relay.requests.map(({ kind }) => kind)).not.toContain(MessageKind.LIST);
  });

  it.each<[string, (listed: Listed) => ControlMessage]>([
    ['with a changed signature', (listed) => flipped(listed, 'signature')],
    ['with changed contents', (listed) => flipped(listed, 'lease')],
    ['in the name of another identity', (listed) => resigned(listed, stranger, { keycert: keycertOf(listed) })],
    ['for another relay', (listed) => resigned(listed, stranger, { audience: stranger.publicKey })],
    ['whose owner did not make it public', (listed) => resigned(listed, stranger, { flags: ~LeaseFlag.PUBLIC >>> 0 })],
    ['whose keycert does not verify', (listed) => resigned(listed, stranger, { keycert: new Uint8Array(132) })],
    ['that is none', (listed) => ({ ...listed, entries: [{ ...listed.entries[0]!, lease: new Uint8Array([0x90]) }] })],
  ])('refuses a lease %s', async (_, change) => {
    const { world, client } = await listingRelay((listed) => change(listed));
    await expect(world.until(collect(client))).rejects.toMatchObject({ code: 'ERR_LINK_PROTOCOL' });
  });

  it('takes what an owner said, when the relay changes nothing but who it is', async () => {
    const { world, client } = await listingRelay((listed) => resigned(listed, stranger, {}));
    expect((await world.until(collect(client))).map(({ id }) => id)).toEqual([stranger.id]);
  });

  it.each<[string, (listed: Listed) => ControlMessage]>([
    ['repeats a cursor', (listed) => ({ ...listed, next: new Uint8Array([7]) })],
    [
      'answers with something else',
      ({ request }) => ({ kind: MessageKind.RENEWED, request, ttlMs: 1 }) satisfies ControlMessage,
    ],
  ])('ends at a relay that %s', async (_, change) => {
    const { world, client } = await listingRelay(change);
    await expect(world.until(collect(client))).rejects.toMatchObject({ code: 'ERR_LINK_PROTOCOL' });
  });

  it('ends at a relay that goes on listing nothing', async () => {
    let number = 0;
    const { world, client } = await listingRelay((listed) => {
      number += 1;
      return { ...listed, entries: [], next: new Uint8Array([number >> 8, number & 255, 1]) };
    });
    await expect(world.until(collect(client), 600_000)).rejects.toMatchObject({ code: 'ERR_LINK_PROTOCOL' });
    expect(number).toBe(4_097);
  });

  it('leaves out a lease under an older key than one that is known', async () => {
    const old = await Credential.create();
    const rotated = old.rotate({ nowMs: 0 });
    const world = await World.create({ features });
    await world.owner({ public: true }, { credential: old });
    const knownKeycerts = new MemoryKeycertStore();
    knownKeycerts.put(rotated.id, rotated.keycert);
    expect(await world.until(collect(await world.client({ knownKeycerts })))).toEqual([]);
    expect(await world.until(collect(await world.client()))).toHaveLength(1);
  });

  it('comes back when the relay is busy, as late as it asks for, and gives up at the signal', async () => {
    let busy = 0;
    const { world, client } = await listingRelay((listed) => {
      busy += 1;
      if (busy > 2 && busy < 100) return listed;
      return { kind: MessageKind.ERROR, request: listed.request, code: RelayCode.BUSY, text: '', value: 3_000 };
    });
    const startMs = world.clock.nowMs();
    expect(await world.until(collect(client))).toHaveLength(1);
    expect(world.clock.nowMs() - startMs).toBeGreaterThanOrEqual(6_000);
    busy = 100;
    const stop = new AbortController();
    const listing = collect(client, stop.signal);
    listing.catch(() => undefined);
    await world.pass(100);
    stop.abort();
    await expect(world.until(listing)).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});

function keycertOf(listed: Listed): Uint8Array {
  return decodeLease(listed.entries[0]!.lease).keycert;
}

function flipped(listed: Listed, field: 'lease' | 'signature'): Listed {
  const entry = { ...listed.entries[0]!, [field]: listed.entries[0]![field].slice() };
  const at = field === 'lease' ? entry.lease.length - 8 : 5;
  entry[field][at] = entry[field][at]! ^ 1;
  return { ...listed, entries: [entry] };
}
