import { Credential } from '@sealane/crypto/credential';
import { LinkFeature, type SealaneError } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { World } from './support/world.js';

const relay = { features: LinkFeature.RESUME };

/** Two relays, and a session whose owner is killed and replaced by another process of its identity. */
async function replaceOwner() {
  const world = await World.create({ ...relay }, { ...relay });
  const credential = await Credential.create();
  const first = await world.owner({}, { credential });
  const dialer = await world.client();
  const old = await world.until(dialer.dial(first.listener.address));
  old.openStream();
  await world.pass(1_000);
  // As SIGKILL ends it: its links go, and it says nothing more.
  for (const one of world.relays) one.refusesLinks = true;
  for (const { links } of world.relays) for (const link of links) link.abort();
  await world.until(first.client.close({ deadlineMs: 0 }));
  expect(old.isSuspended).toBe(true);
  for (const one of world.relays) one.refusesLinks = false;
  const second = await world.owner({}, { credential });
  await world.pass(1_000);
  return { world, dialer, old, address: second.listener.address };
}

async function endOf(closed: Promise<void>): Promise<SealaneError | undefined> {
  return await closed.then(
    () => undefined,
    (error: SealaneError) => error,
  );
}

describe('With two relays, what waits for a process of the owner that was replaced ends before the minute is over', () => {
  it('where nobody dials', async () => {
    const { world, old } = await replaceOwner();
    expect((await world.until(endOf(old.closed), 15_000))?.code).toBe('ERR_E2EE_TRUNCATED');
  });

  it('where the new process was dialed over the relay that did not carry it', async () => {
    const { world, dialer, old, address } = await replaceOwner();
    const fresh = await world.until(dialer.dial(address));
    expect((await world.until(endOf(old.closed), 15_000))?.code).toBe('ERR_E2EE_TRUNCATED');
    expect(fresh.isOpen).toBe(true);
  });
});
