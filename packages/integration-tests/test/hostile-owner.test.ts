import type { RelayClient } from '@sealane/client';
import { seededRandom } from '@sealane/testkit';
import { MessageKind, SessionLimit } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { HostileStage } from './support/hostile-stage.js';

const random = seededRandom(33);
const never = (): Promise<boolean> => new Promise(() => undefined);

describe('an owner whose accept never resolves', () => {
  it('answers ERR_E2EE_BUSY, sealed, before the relay gives up on it', async () => {
    const stage = await HostileStage.create({ accept: never });
    const dialer = await stage.client();
    await expect(stage.until(dialer.dial(stage.listener.address))).rejects.toMatchObject({ code: 'ERR_E2EE_BUSY' });
    await stage.pass(7_000);
    expect(stage.relay.statistics()).toMatchObject({ sessions: 0, waitingAccepts: 0 });
    await stage.until(dialer.close({ deadlineMs: 0 }));
  });

  it('holds at most 128 of those who wait, the oldest go, and later ones are decided', async () => {
    let decides = false;
    const stage = await HostileStage.create({ accept: () => (decides ? true : never()) });
    const waiting = Array.from({ length: 120 }, () => {
      const id = random(16);
      return stage.connect(id, stage.hello(id));
    });
    await stage.pass(100);
    // Message 1 that follows the request keeps no place at the relay either.
    for (const { seen } of waiting) expect(seen.answer).toBeUndefined();
    expect(stage.relay.statistics().waitingAccepts).toBe(120);
    const more = Array.from({ length: 8 + 20 }, () => {
      const id = random(16);
      return stage.connect(id, stage.hello(id));
    });
    await stage.pass(100);
    // The relay itself lets 128 wait for a lease; the owner has dropped none of its own accord.
    expect(stage.relay.statistics().waitingAccepts).toBe(SessionLimit.maxUnconfirmedPerLink);
    expect(more.filter(({ seen }) => seen.answer?.kind === MessageKind.REJECT)).toHaveLength(20);
    await stage.pass(9_000);
    expect(stage.relay.statistics().waitingAccepts).toBe(0);
    await stage.pass(7_000);
    expect(stage.relay.statistics().sessions).toBe(0);
    expect(stage.ownerEvents).toEqual([]);
    decides = true;
    await stage.expectServing();
  });
});

describe('an owner that holds its lease and says nothing', () => {
  it('keeps no dialer longer than 10 s, and each hears it as an error', async () => {
    const stage = await HostileStage.create();
    // Not even its pongs: the link is alive for the relay as long as bytes arrive, so it is the accept that ends.
    const mute = await stage.client([], { use: 'listen' });
    const listener = await stage.until(mute.listen({ accept: never }));
    const dialers = await Promise.all(Array.from({ length: 5 }, () => stage.client()));
    const dials = dialers.map((dialer) => dialer.dial(listener.address).catch((error: { code: string }) => error.code));
    await stage.pass(10_500);
    expect(await stage.until(Promise.all(dials))).toEqual(new Array(5).fill('ERR_E2EE_BUSY'));
    await stage.expectServing();
  });
});

describe('an owner that accepts everything and answers nothing', () => {
  it('costs a dialer its bytes in windows and no more, and the stream its patience, not the dialer', async () => {
    const stage = await HostileStage.create();
    const dialer: RelayClient = await stage.client();
    const connection = await stage.until(dialer.dial(stage.listener.address));
    const streams = await stage.until(Promise.all(Array.from({ length: 20 }, () => connection.openStream())));
    for (const stream of streams) {
      const writer = stream.writable.getWriter();
      const write = (): Promise<void> => writer.write(new Uint8Array(65_536)).then(write, () => undefined);
      void write();
    }
    await stage.pass(40_000);
    // Nobody reads: a window of each is on its way, a little waits here, and the session lives.
    for (const stream of streams) expect(stream.queuedBytes).toBeLessThanOrEqual(262_144);
    expect(connection.isOpen).toBe(true);
    await stage.until(dialer.close({ deadlineMs: 0 }));
    await stage.expectServing();
  });
});
