import { Credential } from '@sealane/crypto/credential';
import { LinkFeature, type SealaneError } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import type { SecureConnection } from '../src/index.js';
import { type Owner, World } from './support/world.js';

const features = LinkFeature.RESUME;

/** Two relays, and a dialer whose session has a stream. */
async function start() {
  const world = await World.create({ features }, { features });
  const credential = await Credential.create();
  const owner = await world.owner({}, { credential });
  const dialer = await world.client();
  const session = await world.until(dialer.dial(owner.listener.address));
  session.openStream();
  await world.pass(1_000);
  return { world, credential, owner, dialer, session };
}

/** Kills the owner's process as SIGKILL does, and starts another one of its identity. */
async function replace(world: World, owner: Owner, credential: Credential): Promise<Owner> {
  for (const relay of world.relays) relay.refusesLinks = true;
  for (const { links } of world.relays) for (const link of links) if (!link.hasEnded) link.abort();
  await world.until(owner.client.close({ deadlineMs: 0 }));
  for (const relay of world.relays) relay.refusesLinks = false;
  const next = await world.owner({}, { credential });
  await world.pass(1_000);
  return next;
}

/** The code with which a session ends within 15 s, in a world where it waits for a minute. */
async function endOf(world: World, { closed }: SecureConnection): Promise<string | undefined> {
  const end = closed.then(
    () => undefined,
    (error: SealaneError) => error.code,
  );
  return await world.until(end, 15_000);
}

describe('With two relays, what waits for a process of the owner that was replaced ends before the minute is over', () => {
  it('where nobody dials', async () => {
    const { world, credential, owner, session } = await start();
    await replace(world, owner, credential);
    expect(await endOf(world, session)).toBe('ERR_E2EE_TRUNCATED');
  });

  it('where the new process was dialed over the relay that did not carry it', async () => {
    const { world, credential, owner, dialer, session } = await start();
    const { listener } = await replace(world, owner, credential);
    const fresh = await world.until(dialer.dial(listener.address));
    expect(await endOf(world, session)).toBe('ERR_E2EE_TRUNCATED');
    expect(fresh.isOpen).toBe(true);
  });

  it('each time, over whichever relay it went', async () => {
    const { world, credential, owner, dialer, session } = await start();
    let next = await replace(world, owner, credential);
    await endOf(world, session);
    for (const relay of [...world.relays, ...world.relays]) {
      // Only this one has the owner, as long as it is dialed.
      const others = world.relays.filter((one) => one !== relay).map(({ leases }) => ({ leases, held: [...leases] }));
      for (const { leases } of others) leases.clear();
      const fresh = await world.until(dialer.dial(next.listener.address));
      expect(fresh.relayId).toBe(relay.identity.id);
      for (const { leases, held } of others) for (const [service, lease] of held) leases.set(service, lease);
      fresh.openStream();
      await world.pass(1_000);
      next = await replace(world, next, credential);
      expect(await endOf(world, fresh)).toBe('ERR_E2EE_TRUNCATED');
    }
  });
});
