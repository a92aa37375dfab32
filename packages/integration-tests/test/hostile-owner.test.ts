import type { RelayClient } from '@sealane/client';
import { Credential, parseId } from '@sealane/crypto/credential';
import { createLinkPair, seededRandom } from '@sealane/testkit';
import { MessageKind, type SealaneError, SessionLimit } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { ScriptedClient } from '../../server/test/scripted-client.js';
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

/** An owner with a lease at the stage's relay that does what the test says. */
async function scriptedOwner(stage: HostileStage): Promise<{ owner: ScriptedClient; id: string }> {
  const credential = await Credential.create();
  const [near, far] = createLinkPair(stage.clock, { lowMarkBytes: 131_072 });
  const owner = new ScriptedClient(near, stage.clock, { signer: credential });
  stage.relay.accept(far);
  await stage.pass(50);
  owner.register(parseId(stage.relay.id));
  await stage.pass(50);
  return { owner, id: credential.id };
}

/** How each of five dialers fares, as far as they have. */
async function dialFive(stage: HostileStage, id: string): Promise<unknown[]> {
  const codes: unknown[] = [];
  for (let count = 0; count < 5; count++) {
    const dialer = await stage.client();
    dialer.dial({ id }).then(
      () => codes.push('open'),
      (error: SealaneError) => codes.push(error.code),
    );
  }
  await stage.pass(100);
  return codes;
}

describe('an owner that holds its lease and answers no request', () => {
  it('is given up after 10 s, each dialer hears so, and nothing waits at the relay', async () => {
    const stage = await HostileStage.create();
    const { owner, id } = await scriptedOwner(stage);
    const codes = await dialFive(stage, id);
    await stage.pass(12_000);
    expect(codes).toEqual(new Array(5).fill('ERR_E2EE_TIMEOUT'));
    expect(owner.forwards).toHaveLength(5);
    expect(stage.relay.statistics()).toMatchObject({ waitingAccepts: 0, sessions: 0 });
    await stage.expectServing();
  });
});

describe('an owner that accepts every request and never shakes hands', () => {
  it('is no owner to its dialers, and the relay keeps no session of it', async () => {
    const stage = await HostileStage.create();
    const { owner, id } = await scriptedOwner(stage);
    const codes = await dialFive(stage, id);
    for (let index = 0; index < 5; index++) owner.accept(index);
    await stage.pass(30_000);
    expect(codes).toEqual(new Array(5).fill('ERR_E2EE_HANDSHAKE'));
    expect(stage.relay.statistics()).toMatchObject({ waitingAccepts: 0, sessions: 0 });
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
