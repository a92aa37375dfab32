import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemRandomBytes } from '@sealane/types';
import { expect, test } from 'vitest';
import { World } from './support/world.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a session that stands holds no secret of its handshake, on neither side', async () => {
  const world = await World.create();
  const drawn: WeakRef<Uint8Array>[] = [];
  const random = (length: number): Uint8Array => {
    const bytes = systemRandomBytes(length);
    // Ephemeral keys and what the KEM is seeded with; shorter ones are ids and nonces.
    if (length >= 32) drawn.push(new WeakRef(bytes));
    return bytes;
  };
  const owner = await world.owner({}, { random });
  const dialer = await world.client({ random });
  // Links and identities have secrets of their own, and keep them.
  await world.until(dialer.dial(owner.listener.address));
  const first = await world.take(owner.listener);
  drawn.length = 0;
  const dialed = await world.until(dialer.dial(owner.listener.address, { fresh: true }));
  const accepted = await world.take(owner.listener);
  // The virtual clock keeps what was to happen until then, even where it is cancelled.
  await world.pass(20_000);
  expect([first, dialed, accepted].map(({ isOpen }) => isOpen)).toEqual([true, true, true]);
  expect(drawn.length).toBeGreaterThanOrEqual(4);
  // A reference that was read lives until its turn of the event loop is over.
  await new Promise(setImmediate);
  collectGarbage();
  expect(drawn.filter((secret) => secret.deref() !== undefined)).toHaveLength(0);
  expect(dialed.exportKey('app/test', 32)).toEqual(accepted.exportKey('app/test', 32));
  await world.until(Promise.all([dialer.close(), owner.client.close()]));
});
