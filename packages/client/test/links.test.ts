import { Credential } from '@sealane/crypto/credential';
import type { ControlMessage, Register } from '@sealane/protocol';
import { decodeLease, encodeFrame, encodeGoAway, encodeMessage } from '@sealane/protocol';
import { FrameType, GoAwayCode, LinkFeature, MessageKind, RelayCode, relayError, SupersededBy } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { allowAny, RelayClient, type StatusEvent } from '../src/index.js';
import { World } from './support/world.js';

const registrations = (world: World): Register[] =>
  world.relay.requests.filter((message): message is Register => message.kind === MessageKind.REGISTER);

const linkStates = (events: readonly StatusEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'link' ? [event.state] : []));

describe('a link', () => {
  it('that is idle is found dead within 10 s of silence', async () => {
    const world = await World.create();
    const events: StatusEvent[] = [];
    await world.client({ onStatus: (event) => events.push(event) });
    await world.pass(30_000);
    expect(linkStates(events)).toEqual(['connecting', 'up']);
    world.relay.links[0]?.pause();
    await world.pass(10_000);
    expect(events).toContainEqual(
      expect.objectContaining({ state: 'waiting', error: expect.objectContaining({ code: 'ERR_LINK_DEAD' }) }),
    );
  });

  it('that owes an answer is found dead within 3 s', async () => {
    const world = await World.create();
    const dialer = await world.client();
    await world.pass(2_000);
    world.relay.links[0]?.pause();
    const startMs = world.clock.nowMs();
    const credential = await Credential.create();
    await expect(world.until(dialer.lookup(credential.id))).rejects.toMatchObject({ code: 'ERR_LINK_DEAD' });
    expect(world.clock.nowMs() - startMs).toBeLessThanOrEqual(3_500);
  });

  it('is tried again with growing waits, at most 30 s, and at most 1 s while something waits', async () => {
    const world = await World.create();
    const waits: number[] = [];
    const dialer = await world.client({
      onStatus: (event) => {
        if (event.type === 'link' && event.state === 'waiting') waits.push(event.retryInMs);
      },
    });
    world.relay.refusesLinks = true;
    world.relay.links[0]?.abort();
    await world.pass(200_000);
    expect(Math.max(...waits)).toBeGreaterThan(1_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    expect(waits[0]).toBeLessThanOrEqual(200);
    const credential = await Credential.create();
    const waiting = dialer.lookup(credential.id);
    const before = waits.length;
    await world.pass(20_000);
    expect(waits.length - before).toBeGreaterThan(10);
    expect(Math.max(...waits.slice(before))).toBeLessThanOrEqual(1_000);
    world.relay.refusesLinks = false;
    await expect(world.until(waiting, 1_100)).rejects.toMatchObject({ code: 'ERR_RELAY_NO_OWNER' });
  });

  it('that is damaged again and again is back within 1 s each time while a session waits for it', async () => {
    const world = await World.create({ features: LinkFeature.RESUME });
    const { listener } = await world.owner();
    const waits: number[] = [];
    const dialer = await world.client({
      onStatus: (event) => {
        if (event.type === 'link' && event.state === 'waiting') waits.push(event.retryInMs);
      },
    });
    const stream = await world.until(dialer.openStream(listener.address));
    const far = await world.take(await world.take(listener));
    const reader = far.readable.getReader();
    const dialerLink = () => world.relay.links.at(-1);
    for (let times = 0; times < 12; times++) {
      const error = { kind: MessageKind.ERROR, request: 0, code: RelayCode.MALFORMED, text: '', value: null } as const;
      dialerLink()?.send(encodeFrame(FrameType.MESSAGE, 0, 0, encodeMessage(error)));
      while (waits.length === times) await world.pass(10);
      stream.raw.write(new Uint8Array(10));
      let received = 0;
      while (received < 10) received += (await world.until(reader.read())).value?.length ?? 10;
    }
    expect(waits.length).toBe(12);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
  });

  it('whose relay says goodbye is replaced, while its sessions go on', async () => {
    const world = await World.create();
    const { listener } = await world.owner();
    const dialer = await world.client();
    const stream = await world.until(dialer.openStream(listener.address));
    const owner = await world.take(listener);
    const goAway = encodeGoAway({ lastStream: 0xffff_fffe, code: GoAwayCode.DRAINING, retryAfterMs: 100, url: '' });
    for (const link of [...world.relay.links]) link.send(encodeFrame(FrameType.GOAWAY, 0, 0, goAway));
    await world.pass(2_000);
    expect(world.relay.links.length).toBe(4);
    expect(registrations(world).length).toBe(2);
    stream.raw.write(new Uint8Array(10));
    const far = await world.take(owner);
    expect((await world.until(far.readable.getReader().read())).value?.length).toBe(10);
  });

  it('leaves no timer behind when the client closes', async () => {
    const world = await World.create();
    const { client, listener } = await world.owner();
    const dialer = await world.client();
    await world.until(dialer.openStream(listener.address));
    await world.until(Promise.all([client.close({ deadlineMs: 10 }), dialer.close({ deadlineMs: 10 })]));
    await world.pass(20_000);
    expect(world.clock.pending).toBe(0);
  });
});

describe('a lease', () => {
  it('is renewed at a third of the time that the relay granted', async () => {
    const world = await World.create({ ttlMs: 30_000 });
    await world.owner();
    await world.pass(95_000);
    const renewals = world.relay.requests.filter((message) => message.kind === MessageKind.RENEW);
    expect(renewals.length).toBe(9);
    expect(registrations(world).length).toBe(1);
  });

  it('is kept through a time in which the relay is too busy to renew it, and not registered again', async () => {
    let isBusy = false;
    const world = await World.create({
      ttlMs: 30_000,
      onAnswer: (answer) =>
        isBusy && answer.kind === MessageKind.RENEWED
          ? { kind: MessageKind.ERROR, request: answer.request, code: RelayCode.BUSY, text: '', value: null }
          : answer,
    });
    await world.owner();
    isBusy = true;
    await world.pass(25_000);
    isBusy = false;
    await world.pass(60_000);
    const renewals = world.relay.requests.filter((message) => message.kind === MessageKind.RENEW);
    // At 10, 16.7, 21.1 and 24.1 s in vain, then again, and from then on every 10 s.
    expect([renewals.length, registrations(world).length]).toEqual([10, 1]);
    isBusy = true;
    await world.pass(45_000);
    // What nobody renewed has run out: it is asked for anew.
    expect(registrations(world).length).toBe(2);
  });

  it('is registered again on a new link, with a higher number', async () => {
    const world = await World.create();
    await world.owner();
    world.relay.links[0]?.abort();
    await world.pass(3_000);
    const [first, second] = registrations(world).map((message) => decodeLease(message.lease).sequence);
    expect(second).toBeGreaterThan(first ?? Number.POSITIVE_INFINITY);
  });

  it('goes above a higher number that the relay holds, but not to tomorrow', async () => {
    let stored = 0;
    const world = await World.create({
      onAnswer: (answer) =>
        answer.kind === MessageKind.REGISTERED && answer.sequence <= stored
          ? { kind: MessageKind.ERROR, request: answer.request, code: RelayCode.LEASE_STALE, text: '', value: stored }
          : answer,
    });
    stored = world.clock.wallMs() * 1_000 + 3_600_000_000;
    const { client } = await world.owner();
    const sequences = registrations(world).map((message) => decodeLease(message.lease).sequence);
    expect(sequences[1]).toBe(stored + 1);
    stored = world.clock.wallMs() * 1_000 + 90_000_000_000;
    await expect(world.until(client.listen({ service: 'two', accept: allowAny() }))).rejects.toMatchObject({
      code: 'ERR_RELAY_LEASE_STALE',
    });
  });

  it('that another process took over is given up with an error; by our own newer link it is not', async () => {
    const world = await World.create();
    const { listener } = await world.owner();
    const side = world.relay.sides[0];
    if (side === undefined) throw new Error('no link');
    const superseded = { kind: MessageKind.SUPERSEDED, service: '' } as const;
    world.relay.say(side, { ...superseded, by: SupersededBy.SAME_INSTANCE });
    await world.pass(2_000);
    expect(registrations(world).length).toBe(2);
    world.relay.say(side, { ...superseded, by: SupersededBy.OTHER_INSTANCE });
    await expect(world.until(listener.closed)).rejects.toMatchObject({ code: 'ERR_RELAY_SUPERSEDED' });
    await world.pass(60_000);
    expect(registrations(world).length).toBe(2);
  });

  it("of who is banned is given up with the relay's word, and nothing is asked again until somebody wants to", async () => {
    const world = await World.create();
    const events: StatusEvent[] = [];
    const { client, listener } = await world.owner({}, { onStatus: (event) => events.push(event) });
    world.relay.refusesLinks = relayError(RelayCode.DENIED, 'banned');
    world.relay.links[0]?.abort();
    await expect(world.until(listener.closed)).rejects.toMatchObject({ code: 'ERR_RELAY_DENIED', message: 'banned' });
    expect(events).toContainEqual(
      expect.objectContaining({ state: 'refused', error: expect.objectContaining({ code: 'ERR_RELAY_DENIED' }) }),
    );
    const attempts = linkStates(events).length;
    await world.pass(120_000);
    expect([linkStates(events).length, client.links.map(({ state }) => state)]).toEqual([attempts, ['idle']]);
    world.relay.refusesLinks = false;
    const again = await world.until(client.listen({ accept: allowAny() }));
    expect(again.isClosed).toBe(false);
  });

  it('of who is banned for a time waits for it to be over', async () => {
    const world = await World.create();
    const { listener } = await world.owner();
    world.relay.refusesLinks = relayError(RelayCode.DENIED, 'banned', { details: { value: 20_000 } });
    world.relay.links[0]?.abort();
    await world.pass(20_000);
    world.relay.refusesLinks = false;
    await world.pass(31_000);
    expect([listener.isClosed, registrations(world).length]).toEqual([false, 2]);
  });

  it('is registered with the new keycert after the key file was rotated', async () => {
    const world = await World.create({ ttlMs: 30_000 });
    let credential = await Credential.create();
    await world.owner({}, { credential: { current: () => Promise.resolve(credential) } });
    credential = credential.rotate({ nowMs: world.clock.wallMs() });
    await world.pass(11_000);
    const [, second] = registrations(world).map((message) => decodeLease(message.lease).keycert);
    expect(Buffer.from(second ?? []).equals(Buffer.from(credential.keycert))).toBe(true);
  });

  it('is asked for again when the first answer is that the relay is busy, not before it says, where that is wanted', async () => {
    const busy = (times: number, value: number | null) => {
      let refused = 0;
      return {
        onAnswer: (answer: ControlMessage): ControlMessage =>
          answer.kind === MessageKind.REGISTERED && refused++ < times
            ? { kind: MessageKind.ERROR, request: answer.request, code: RelayCode.BUSY, text: 'later', value }
            : answer,
      };
    };
    const waits: StatusEvent[] = [];
    const onStatus = (event: StatusEvent) => event.type === 'lease' && waits.push(event);
    const world = await World.create(busy(2, 5_000));
    const startMs = world.clock.nowMs();
    await world.owner({ retry: true }, { onStatus });
    expect(world.clock.nowMs() - startMs).toBeGreaterThanOrEqual(10_000);
    expect(world.clock.nowMs() - startMs).toBeLessThan(11_000);
    expect(waits.map((event) => 'state' in event && event.state)).toEqual(['waiting', 'waiting', 'registered']);
    expect(waits[0]).toMatchObject({ error: { code: 'ERR_RELAY_BUSY', details: { value: 5_000 } } });

    const without = await World.create(busy(1, null));
    await expect(without.owner()).rejects.toMatchObject({ code: 'ERR_RELAY_BUSY', message: 'later' });
  });

  it('of a second relay that is busy at first follows when it can', async () => {
    let isBusy = true;
    const world = await World.create(
      {},
      {
        onAnswer: (answer) =>
          isBusy && answer.kind === MessageKind.REGISTERED
            ? { kind: MessageKind.ERROR, request: answer.request, code: RelayCode.BUSY, text: '', value: null }
            : answer,
      },
    );
    const held: string[] = [];
    const onStatus = (event: StatusEvent) => event.type === 'lease' && held.push(`${event.url} ${event.state}`);
    await world.owner({}, { onStatus });
    await world.pass(5_000);
    expect(held).not.toContain('ws://relay1.test registered');
    isBusy = false;
    await world.pass(31_000);
    expect(held).toContain('ws://relay1.test registered');
  });

  it.each(['close', 'signal'] as const)(
    'of a relay that is always busy is given up by %s, and no timer stays',
    async (by) => {
      const world = await World.create({
        onAnswer: (answer) =>
          answer.kind === MessageKind.REGISTERED
            ? { kind: MessageKind.ERROR, request: answer.request, code: RelayCode.BUSY, text: '', value: 4_000_000_000 }
            : answer,
      });
      const client = await world.client({ use: 'listen' });
      const stop = new AbortController();
      const listening = client.listen({ accept: allowAny(), retry: true, signal: stop.signal });
      const outcome = listening.then(
        () => 'listens',
        (error: { code: string }) => error.code,
      );
      // A relay may ask for half a minute, not for weeks.
      await world.pass(61_000);
      expect(registrations(world).length).toBeGreaterThanOrEqual(2);
      if (by === 'signal') stop.abort();
      else void client.close({ deadlineMs: 0 });
      expect(await world.until(outcome, 1_100)).toBe(by === 'signal' ? 'ERR_ABORTED' : 'ERR_CLOSED');
      await client.close({ deadlineMs: 0 });
      await world.pass(100);
      expect(world.clock.pending).toBe(0);
    },
  );

  it('that is refused reaches the caller of listen', async () => {
    const world = await World.create({
      onAnswer: (answer) =>
        answer.kind === MessageKind.REGISTERED
          ? { kind: MessageKind.ERROR, request: answer.request, code: RelayCode.NAME_TAKEN, text: 'taken', value: null }
          : answer,
    });
    await expect(world.owner({ name: 'shop' })).rejects.toMatchObject({
      code: 'ERR_RELAY_NAME_TAKEN',
      message: 'taken',
    });
  });
});

describe('an owner', () => {
  it('forgets a dialer that does not confirm within 10 s, without anybody hearing of it', async () => {
    const world = await World.create({ onData: () => undefined });
    const statuses: string[] = [];
    const { client, listener } = await world.owner(
      {},
      { onStatus: (event) => event.type === 'session' && statuses.push(event.state) },
    );
    const dialer = await world.client();
    const connection = await world.until(dialer.dial(listener.address));
    await expect(world.until(connection.closed)).rejects.toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
    expect([client.connections.size, statuses]).toEqual([0, []]);
  });
});

describe('a client', () => {
  it('shows its identity to the relay only where it listens or says so', async () => {
    const world = await World.create();
    const credential = await Credential.create();
    await world.client({ credential });
    await world.client({ credential, identify: true });
    const [hidden, shown] = world.relay.sides.map((side) => Buffer.from(side.client).equals(credential.publicKey));
    expect([hidden, shown]).toEqual([false, true]);
  });

  it('shares one handshake among concurrent first dials, and one caller who gives up takes it from nobody', async () => {
    let connects = 0;
    const world = await World.create({
      onForward: (forward) => {
        connects += 1;
        return [forward];
      },
    });
    const { listener } = await world.owner();
    const dialer = await world.client();
    const abort = new AbortController();
    const first = dialer.dial(listener.address, { signal: abort.signal });
    const others = Promise.all(Array.from({ length: 5 }, () => dialer.dial(listener.address)));
    abort.abort();
    await expect(world.until(first)).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(new Set(await world.until(others)).size).toBe(1);
    expect(connects).toBe(1);
  });

  it('takes an address apart that it cannot use', async () => {
    const world = await World.create();
    await expect(RelayClient.create('http://relay.test')).rejects.toMatchObject({ code: 'ERR_ADDRESS_INVALID' });
    const dialer = await world.client();
    await expect(dialer.dial('not a name')).rejects.toMatchObject({ code: 'ERR_NAME_INVALID' });
    await dialer.close();
    await expect(dialer.dial('shop')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});
