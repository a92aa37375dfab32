import { expect, it } from 'vitest';
import type { StatusEvent } from '../src/index.js';
import { World } from './support/world.js';

/** An owner and a dialer with one stream that echoes, and what happened to their links. */
async function setup() {
  const world = await World.create();
  const events: StatusEvent[] = [];
  const onStatus = (event: StatusEvent): void => void events.push(event);
  const { listener } = await world.owner({}, { onStatus });
  const dialer = await world.client({ onStatus });
  const connection = await world.until(dialer.dial(listener.address));
  const accepted = await world.take(listener);
  const linkEnds = (): string[] =>
    events.flatMap((event) => (event.type === 'link' && event.state === 'waiting' ? [event.error.code] : []));
  return { world, dialer, connection, accepted, linkEnds };
}

it('leaves the links when the wall clock ran on while the monotonic one stood still: the machine slept', async () => {
  const { world, dialer, linkEnds } = await setup();
  await world.pass(2_000);
  world.clock.jumpWall(45_000);
  await world.pass(1_000);
  expect(linkEnds()).toEqual(['ERR_LINK_DEAD', 'ERR_LINK_DEAD']);
  await world.pass(5_000);
  expect(dialer.links.map(({ state }) => state)).toEqual(['up']);
});

it('ends nothing when the wall clock is set back, by however much', async () => {
  const { world, connection, accepted, linkEnds } = await setup();
  await world.pass(2_000);
  for (const backMs of [1_000, 60_000, 86_400_000]) {
    world.clock.jumpWall(-backMs);
    await world.pass(70_000);
  }
  expect(linkEnds()).toEqual([]);
  expect([connection.isOpen, accepted.isOpen]).toEqual([true, true]);
  expect(await world.until(connection.ping())).toBeGreaterThanOrEqual(0);
});

it('leaves nothing when the wall clock is set forward by less than a late tick', async () => {
  const { world, linkEnds } = await setup();
  await world.pass(2_000);
  world.clock.jumpWall(4_000);
  await world.pass(20_000);
  expect(linkEnds()).toEqual([]);
});
