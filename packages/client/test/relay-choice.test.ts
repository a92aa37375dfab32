import { loadCrypto } from '@sealane/crypto';
import { LinkFeature } from '@sealane/types';
import { beforeAll, expect, it } from 'vitest';

import { World } from './support/world.js';

beforeAll(() => loadCrypto());

it('No relay is kept because it once was fast: a session goes over the one that answers soonest now', async () => {
  const delays = [20, 60];
  const world = await World.create({ pair: { delayMs: () => delays[0]! } }, { pair: { delayMs: () => delays[1]! } });
  const { listener } = await world.owner({ alpn: ['first', 'second', 'third', 'fourth'] });
  const dialer = await world.client();
  // Each protocol has a session of its own.
  const relayOf = async (protocol: string): Promise<number> => {
    const { relayId } = await world.until(dialer.dial(listener.address, { alpn: [protocol] }));
    return world.relays.findIndex(({ identity }) => identity.id === relayId);
  };

  expect(await relayOf('first')).toBe(0);
  delays[0] = 400;
  await world.pass(15_000);
  // It is what is up; the other one comes up meanwhile, for the next session.
  expect(await relayOf('second')).toBe(0);
  await world.pass(1_000);
  expect(await relayOf('third')).toBe(1);
  delays[0] = 5;
  await world.pass(15_000);
  expect(await relayOf('fourth')).toBe(0);
});

it('A relay on which bytes come all the time is measured too: the next session goes over the one that is faster by then', async () => {
  const delays = [20, 60];
  const world = await World.create({ pair: { delayMs: () => delays[0]! } }, { pair: { delayMs: () => delays[1]! } });
  const { listener } = await world.owner({ alpn: ['first', 'second', 'third'] });
  const dialer = await world.client();
  const first = await world.until(dialer.dial(listener.address, { alpn: ['first'] }));
  const { connections } = dialer;
  first.openStream();
  const owned = await world.take(listener);
  const peer = await world.take(owned);
  const pump = async (): Promise<void> => {
    for (let second = 0; second < 20; second++) {
      peer.write(new Uint8Array(100));
      await world.pass(1_000);
    }
  };
  delays[0] = 400;
  await pump();
  expect(connections.size).toBe(1);
  await world.until(dialer.dial(listener.address, { alpn: ['second'] }));
  await world.pass(1_000);
  const { relayId } = await world.until(dialer.dial(listener.address, { alpn: ['third'] }));
  expect(relayId).toBe(world.relays[1]!.identity.id);
});

it('A session whose only relay with the owner lost it for a moment is resumed there, also as the last of the relays', async () => {
  const features = LinkFeature.RESUME;
  const world = await World.create({ features }, { features });
  const [first, last] = world.relays;
  const { listener } = await world.owner();
  // The owner comes to the first one no more.
  first!.leases.clear();
  const dialer = await world.client();
  const session = await world.until(dialer.dial(listener.address));
  expect(session.relayId).toBe(last!.identity.id);
  const leases = [...last!.leases];
  last!.leases.clear();
  last!.cut(last!.paths.at(-1)!);
  await world.pass(3_000);
  for (const [service, lease] of leases) last!.leases.set(service, lease);
  await world.pass(3_000);
  expect([session.isSuspended, session.relayId]).toEqual([false, last!.identity.id]);
});
