import { loadCrypto } from '@sealane/crypto';
import { Credential, encodeId, parseKeycert, SigningKey } from '@sealane/crypto/credential';
import { SignatureLabel } from '@sealane/crypto/signature';
import { type ControlMessage, encodeFrame, encodeGoAway, encodeMessage, type ForwardConnect } from '@sealane/protocol';
import { FrameType, GoAwayCode, MessageKind, ResetCode, SealaneError, Suite } from '@sealane/types';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { allowIds, MemoryPinStore } from '../src/index.js';
import { forgeHello } from './support/forged-hello.js';
import type { ScriptedRelayOptions } from './support/scripted-relay.js';
import { World } from './support/world.js';

beforeAll(() => loadCrypto());

type Message2 = ControlMessage & { readonly message2: Uint8Array };
const isAnswer = (message: ControlMessage): message is Message2 =>
  message.kind === MessageKind.ACCEPT && message.message2 !== null;

const replaceMessage1 = (
  change: (message1: Uint8Array, forward: ForwardConnect) => Uint8Array,
): ScriptedRelayOptions => ({
  onForward: (forward) => [{ ...forward, message1: change(forward.message1?.slice() ?? new Uint8Array(1), forward) }],
});
const replaceMessage2 = (change: (message2: Uint8Array) => Uint8Array): ScriptedRelayOptions => ({
  onStreamMessage: (message) =>
    isAnswer(message) ? { ...message, message2: change(message.message2.slice()) } : message,
});

/** Points of small order: an X25519 result of zeros. */
const lowOrderKeys = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
].map((hex) => new Uint8Array(Buffer.from(hex, 'hex')));

/** Dials an owner through this relay; what the dial ends in, and what the owner was asked. */
async function attempt(options: ScriptedRelayOptions): Promise<{ code: string; asked: string[]; sessions: number }> {
  const world = await World.create(options);
  const asked: string[] = [];
  const accept = (peer: { id: string }): boolean => {
    asked.push(peer.id);
    return true;
  };
  const { client, listener } = await world.owner({ accept });
  const dialer = await world.client();
  const code = await world.until(dialer.dial(listener.address)).then(
    () => 'none',
    (error: SealaneError) => error.code,
  );
  await world.pass(100);
  return { code, asked, sessions: client.connections.size };
}

describe('a hello that a relay signs again', () => {
  it('as itself is credited to the relay and to nobody else, and the dialer gets no session', async () => {
    const mallory = await Credential.create();
    const victim = await Credential.create();
    const ownerCredential = await Credential.create();
    const owner = parseKeycert(ownerCredential.keycert);
    const key = mallory.handshakeKey(1);
    if (key === undefined) throw new Error('no key');
    const world = await World.create(
      replaceMessage1((_, { connectionId }) => forgeHello({ owner, connectionId, key, keycert: mallory.keycert })),
    );
    const asked = vi.fn(allowIds([victim.id]));
    const { client, listener } = await world.owner({ accept: asked }, { credential: ownerCredential });
    const dialer = await world.client({ credential: victim });
    await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({ code: 'ERR_E2EE_DAMAGED' });
    expect(asked.mock.calls.map(([peer]) => peer.id)).toEqual([mallory.id]);
    expect(client.connections.size).toBe(0);
  });

  it('with the certificate of its victim is refused before anybody is asked', async () => {
    const mallory = await Credential.create();
    const victim = await Credential.create();
    const ownerCredential = await Credential.create();
    const owner = parseKeycert(ownerCredential.keycert);
    const key = mallory.handshakeKey(1);
    if (key === undefined) throw new Error('no key');
    const world = await World.create(
      replaceMessage1((_, { connectionId }) => forgeHello({ owner, connectionId, key, keycert: victim.keycert })),
    );
    const asked = vi.fn(() => true);
    const { listener } = await world.owner({ accept: asked }, { credential: ownerCredential });
    const dialer = await world.client({ credential: victim });
    await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({ code: 'ERR_RELAY_MALFORMED' });
    expect(asked).not.toHaveBeenCalled();
  });

  it('with a KEM key that is none is refused without a word to the application', async () => {
    const mallory = await Credential.create();
    const ownerCredential = await Credential.create();
    const owner = parseKeycert(ownerCredential.keycert);
    const key = mallory.handshakeKey(1);
    if (key === undefined) throw new Error('no key');
    const kemPublicKey = new Uint8Array(1_184).fill(255);
    const world = await World.create(
      replaceMessage1((_, { connectionId }) =>
        forgeHello({ owner, connectionId, key, keycert: mallory.keycert, kemPublicKey }),
      ),
    );
    for (const accept of [(): boolean => true, (): boolean => false]) {
      const events: string[] = [];
      const { client, listener } = await world.owner(
        { accept },
        { credential: ownerCredential, onStatus: (event) => events.push(event.type) },
      );
      const dialer = await world.client();
      const before = events.length;
      await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({ code: 'ERR_RELAY_MALFORMED' });
      await world.pass(100);
      expect(events.slice(before)).toEqual([]);
      await world.until(client.close({ deadlineMs: 0 }));
    }
  });
});

describe('handshake messages in the wrong place or form', () => {
  it('message 1 that comes back as message 2 is refused', async () => {
    let sent: Uint8Array | undefined;
    const refused = await attempt({
      onForward: (forward) => {
        sent = forward.message1?.slice();
        return [forward];
      },
      onStreamMessage: (message) =>
        isAnswer(message) && sent !== undefined ? { ...message, message2: sent } : message,
    });
    expect(refused).toMatchObject({ code: 'ERR_E2EE_DAMAGED', sessions: 0 });
  });

  it('message 2 that comes back to the owner as message 1 is refused', async () => {
    const seen: Uint8Array[] = [];
    const world = await World.create({
      onStreamMessage: (message) => {
        if (isAnswer(message)) seen.push(message.message2.slice());
        return message;
      },
      onForward: (forward) => [seen[0] === undefined ? forward : { ...forward, message1: seen[0] }],
    });
    const { client, listener } = await world.owner();
    const dialer = await world.client();
    await world.until(dialer.dial(listener.address, { fresh: true }));
    const again = world.until(dialer.dial(listener.address, { fresh: true }));
    await expect(again).rejects.toMatchObject({ code: 'ERR_RELAY_MALFORMED' });
    await world.pass(100);
    expect(client.connections.size).toBe(1);
  });

  it('records that come back to their sender end the session', async () => {
    let reflects = false;
    const world = await World.create({
      onData: (chunk, from) => {
        if (!reflects || from === 'owner') return chunk;
        for (const side of world.relay.sides) {
          if (side.mux.streamCount === 0) continue;
          for (const stream of side.mux.streams()) if (stream.isInbound) stream.write(chunk.slice());
        }
        return undefined;
      },
    });
    const { listener } = await world.owner();
    const dialer = await world.client();
    const stream = await world.until(dialer.openStream(listener.address));
    await world.pass(1_000);
    reflects = true;
    stream.raw.write(new Uint8Array(100));
    await expect(world.until(stream.finished)).rejects.toMatchObject({ code: 'ERR_E2EE_INTEGRITY' });
  });

  it('a low-order ephemeral key of either side is refused', async () => {
    for (const key of lowOrderKeys) {
      const set = (message: Uint8Array, at: number): Uint8Array => {
        message.set(key, at);
        return message;
      };
      expect(await attempt(replaceMessage1((message) => set(message, 5)))).toMatchObject({
        code: 'ERR_RELAY_MALFORMED',
        asked: [],
      });
      expect(await attempt(replaceMessage2((message) => set(message, 1 + 1_088)))).toMatchObject({
        code: 'ERR_E2EE_DAMAGED',
        sessions: 0,
      });
    }
  });

  it('a keycert with a low-order key, signed by its owner, is an error of the handshake and of nothing else', async () => {
    const issuer = SigningKey.create();
    for (const key of lowOrderKeys) {
      const head = Buffer.concat([issuer.publicKey, Uint8Array.of(0, 0, 0, 1), key]);
      const keycert = Buffer.concat([head, issuer.sign(SignatureLabel.KEYCERT, head)]);
      const world = await World.create({
        onAnswer: (answer) =>
          answer.kind === MessageKind.FOUND ? { ...answer, id: issuer.publicKey, keycert } : answer,
      });
      await world.owner();
      const dialer = await world.client();
      const dialing = world.until(dialer.dial(encodeId(issuer.publicKey)));
      await expect(dialing).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_E2EE_(HANDSHAKE|KEYCERT)$/) });
    }
  });

  it('a lower suite is refused where the relay writes it, on both sides', async () => {
    const lower = (message: Uint8Array): Uint8Array => {
      message[0] = Suite.CLASSICAL;
      return message;
    };
    expect(await attempt(replaceMessage1(lower))).toMatchObject({ code: 'ERR_RELAY_MALFORMED', asked: [] });
    expect(await attempt(replaceMessage2(lower))).toMatchObject({ code: 'ERR_E2EE_SUITE', sessions: 0 });
    expect(await attempt(replaceMessage2((message) => message.subarray(1_088)))).toMatchObject({
      code: expect.stringMatching(/^ERR_E2EE_(SUITE|DAMAGED)$/),
      sessions: 0,
    });
  });

  it('a lower suite is refused where a dialer prefers it, and the relay cannot ask for it', async () => {
    const world = await World.create();
    const suites = [Suite.HYBRID, Suite.CLASSICAL];
    const { listener } = await world.owner({ suites });
    const dialer = await world.client();
    expect((await world.until(dialer.dial(listener.address, { suites }))).suite).toBe(Suite.HYBRID);
    const classical = world.until(dialer.dial(listener.address, { suites: [Suite.CLASSICAL] }));
    expect((await classical).suite).toBe(Suite.CLASSICAL);
    const hybridOnly = await World.create();
    const { listener: strict } = await hybridOnly.owner();
    const old = await hybridOnly.client();
    const refused = hybridOnly.until(old.dial(strict.address, { suites: [Suite.CLASSICAL] }));
    await expect(refused).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(E2EE_DOWNGRADE|RELAY_MALFORMED)$/),
    });
  });

  it('a changed KEM ciphertext is found out wherever it was changed', async () => {
    for (const at of [1, 500, 1_088]) {
      const changed = await attempt(
        replaceMessage2((message) => {
          message[at] = (message[at] ?? 0) ^ 4;
          return message;
        }),
      );
      expect(changed).toMatchObject({ code: 'ERR_E2EE_DAMAGED', sessions: 0 });
    }
  });
});

describe('lease messages that are old or foreign', () => {
  const registered = (
    change: Partial<ControlMessage & { kind: typeof MessageKind.REGISTERED }>,
  ): ScriptedRelayOptions => ({
    onAnswer: (answer) =>
      answer.kind === MessageKind.REGISTERED ? ({ ...answer, ...change } as ControlMessage) : answer,
  });

  it.each([
    ['another service', registered({ service: 'admin' })],
    ['an older lease', registered({ sequence: 5 })],
    ['another name', registered({ name: 'other' })],
    ['no name', registered({ name: null })],
  ])('a confirmation of %s is no confirmation', async (_, options) => {
    const world = await World.create(options);
    await expect(world.owner({ service: 'web', name: 'shop' })).rejects.toMatchObject({ code: 'ERR_LINK_PROTOCOL' });
  });

  it('an answer of another kind, and a time of one millisecond, cause no storm of requests', async () => {
    for (const kind of [MessageKind.RENEWED, MessageKind.RELEASED] as const) {
      const world = await World.create({
        ttlMs: 1,
        onAnswer: (answer) =>
          answer.kind === MessageKind.RENEWED
            ? ({ kind, request: answer.request, ttlMs: 1 } as ControlMessage)
            : answer,
      });
      await world.owner();
      await world.pass(5_000);
      expect(world.relay.requests.length).toBeLessThan(15);
    }
  });
});

describe('a relay that wastes what its clients have', () => {
  it('cannot keep a dial waiting by saying HELD again and again', async () => {
    const held = { kind: MessageKind.HELD } as const;
    const world = await World.create();
    const credential = await Credential.create();
    let isMute = false;
    const current = (): Promise<Credential> => (isMute ? new Promise(() => undefined) : Promise.resolve(credential));
    const { listener } = await world.owner({}, { credential: { current } });
    const dialer = await world.client();
    isMute = true;
    let code = 'waiting';
    const dialing = dialer.dial(listener.address).catch((error: SealaneError) => {
      code = error.code;
    });
    for (let second = 0; second < 20; second++) {
      await world.pass(1_000);
      for (const { mux } of world.relay.sides) {
        for (const stream of mux.streams()) if (stream.isInbound) mux.sendMessage(stream, encodeMessage(held));
      }
    }
    expect(code).toBe('ERR_E2EE_TIMEOUT');
    await dialing;
  });

  it('cannot make a dial go round for ever by ending each session as it begins', async () => {
    let dials = 0;
    const world = await World.create({
      onForward: (forward) => {
        dials += 1;
        return [forward];
      },
      onStreamMessage: (message) => {
        queueMicrotask(() => {
          for (const { mux } of world.relay.sides) {
            for (const stream of mux.streams()) if (stream.isInbound) stream.reset(ResetCode.GONE);
          }
        });
        return message;
      },
    });
    const { listener } = await world.owner();
    const dialer = await world.client();
    await expect(world.until(dialer.dial(listener.address), 5_000)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(STREAM|E2EE)_/),
    });
    expect(dials).toBeLessThan(6);
  });

  it('cannot collect links by saying goodbye on each', async () => {
    const world = await World.create();
    await world.client();
    const goAway = encodeGoAway({ lastStream: 0, code: GoAwayCode.DRAINING, retryAfterMs: 0, url: '' });
    let most = 0;
    for (let round = 0; round < 60; round++) {
      for (const link of [...world.relay.links])
        if (!link.hasEnded) link.send(encodeFrame(FrameType.GOAWAY, 0, 0, goAway));
      await world.pass(200);
      most = Math.max(most, world.relay.links.filter((link) => !link.hasEnded).length);
    }
    expect(most).toBeLessThanOrEqual(5);
  });

  it('that reads nothing makes requests fail, each with an error that somebody hears', async () => {
    const world = await World.create({ pair: { bytesPerMs: 20 } });
    const dialer = await world.client();
    const { id } = await Credential.create();
    const lookups = Array.from({ length: 4_090 }, () => dialer.lookup(id));
    const outcome = await world.until(Promise.allSettled(lookups));
    expect(outcome.filter(({ status }) => status === 'rejected').length).toBe(4_090);
    await world.pass(12_000);
  });

  it('pins no name before its owner has proven what it stands for', async () => {
    const world = await World.create({
      onAnswer: (answer) => (answer.kind === MessageKind.FOUND ? { ...answer, keycert: new Uint8Array(132) } : answer),
    });
    await world.owner({ name: 'shop' });
    const pins = new MemoryPinStore();
    const dialer = await world.client({ pins });
    await expect(world.until(dialer.dial('shop'))).rejects.toMatchObject({ code: 'ERR_RELAY_KEYCERT' });
    expect(pins.get(dialer.relayId ?? '', 'shop')).toBeUndefined();
  });

  it('cannot have two answers for one name at its first use', async () => {
    const owners = await Promise.all([Credential.create(), Credential.create()]);
    let answers = 0;
    const world = await World.create({
      onAnswer: (answer) => {
        const owner = owners[answers++ % 2];
        if (answer.kind !== MessageKind.ERROR || owner === undefined) return answer;
        const { keycert, publicKey: id } = owner;
        const instance = new Uint8Array(16);
        return { kind: MessageKind.FOUND, request: answer.request, id, service: '', keycert, instance };
      },
    });
    const pins = new Map<string, { id: string; service: string }>();
    const slowly = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const dialer = await world.client({
      pins: {
        get: (_, name) => slowly().then(() => pins.get(name)),
        put: (_, name, pin) => slowly().then(() => void pins.set(name, pin)),
      },
    });
    const lookups = await world.until(Promise.allSettled([dialer.lookup('shop'), dialer.lookup('shop')]));
    expect(lookups[0]).toMatchObject({ status: 'fulfilled', value: { id: owners[0]?.id } });
    expect(lookups[1]).toMatchObject({ status: 'rejected', reason: { code: 'ERR_E2EE_PIN' } });
    expect(pins.get('shop')?.id).toBe(owners[0]?.id);
  });

  it('does not keep a listener that closes by not answering', async () => {
    const world = await World.create({
      onAnswer: (answer) => (answer.kind === MessageKind.RELEASED ? undefined : answer),
    });
    const { client } = await world.owner();
    const closing = client.close();
    for (let tenth = 0; tenth < 30; tenth++) {
      await world.pass(100);
      for (const link of world.relay.links) link.send(encodeFrame(200, 0, 0, new Uint8Array(1)));
    }
    expect(world.relay.links.every((link) => link.hasEnded)).toBe(true);
    await world.until(closing);
  });

  it('gets no message above the size that it named', async () => {
    const sizes: number[] = [];
    const world = await World.create({
      maxMessage: 16_384,
      pair: {
        fault: ({ from, message }) => {
          if (from === 0) sizes.push(message.length);
          return 'pass';
        },
      },
    });
    const { listener } = await world.owner();
    const dialer = await world.client();
    const stream = await world.until(dialer.openStream(listener.address));
    stream.raw.write(new Uint8Array(200_000));
    await world.pass(1_000);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(200_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(16_384);
  });

  it('puts nothing into a terminal through the reason of a close', async () => {
    const world = await World.create();
    const errors: string[] = [];
    await world.client({
      onStatus: (event) => {
        if (event.type === 'link' && event.state === 'waiting') errors.push(event.error.message);
      },
    });
    world.relay.links[0]?.close(1000, '\u001b]0;owned\u0007\u202e');
    await world.pass(100);
    expect(errors.length).toBe(1);
    expect(errors[0]).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('sessions between clients', () => {
  it('live on while nothing is sent, and then cost no records', async () => {
    const world = await World.create();
    const { listener } = await world.owner();
    const dialer = await world.client();
    const stream = await world.until(dialer.openStream(listener.address));
    stream.raw.write(new Uint8Array(100));
    const owner = await world.take(listener);
    const far = await world.take(owner);
    const reader = far.readable.getReader();
    await world.until(reader.read());
    await world.pass(30_000);
    const { recordsSent } = owner.statistics;
    await world.pass(30_000);
    expect(owner.statistics.recordsSent).toBe(recordsSent);
    stream.raw.write(new Uint8Array(10));
    expect((await world.until(reader.read())).value?.length).toBe(10);
  });

  it.each(['dialer', 'owner'] as const)('tell the peer why the %s ended them', async (from) => {
    const world = await World.create();
    const { listener } = await world.owner();
    const dialer = await world.client();
    const stream = await world.until(dialer.openStream(listener.address));
    const owner = await world.take(listener);
    await world.pass(500);
    const [ending, told] = from === 'owner' ? [owner, stream.connection] : [stream.connection, owner];
    ending.abort(new SealaneError('ERR_E2EE_DENIED'));
    await expect(world.until(told.closed)).rejects.toMatchObject({ code: 'ERR_E2EE_DENIED' });
    await world.pass(7_000);
    for (const { mux } of world.relay.sides) expect(mux.streamCount).toBe(0);
  });

  it('are at most 16 of one peer, however many handshakes were under way at once', async () => {
    const world = await World.create();
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { client, listener } = await world.owner({ accept: () => gate.then(() => true) });
    const dialer = await world.client();
    const dials = Array.from({ length: 20 }, () => dialer.dial(listener.address, { fresh: true }));
    await world.pass(500);
    open?.();
    await world.until(Promise.allSettled(dials));
    await world.pass(1_000);
    expect(client.connections.size).toBe(16);
    expect(dialer.connections.size).toBe(16);
  });

  it('whose owner is about to close are not used for new streams', async () => {
    const world = await World.create();
    const { listener } = await world.owner();
    const dialer = await world.client();
    const stream = await world.until(dialer.openStream(listener.address));
    const owner = await world.take(listener);
    await world.take(owner);
    const closing = owner.close();
    await world.pass(100);
    const next = await world.until(dialer.openStream(listener.address));
    expect(next.connection).not.toBe(stream.connection);
    await world.until(closing);
  });

  it('are not dialed to what is no id, whatever a relay calls by that name', async () => {
    const world = await World.create();
    await world.owner({ name: 'bob' });
    const dialer = await world.client();
    await expect(dialer.dial({ id: 'bob' })).rejects.toMatchObject({ code: 'ERR_ID_INVALID' });
  });

  it('are dialed for those who wait when the caller who began has given up', async () => {
    const world = await World.create();
    const { listener } = await world.owner();
    const dialer = await world.client();
    const stop = new AbortController();
    const first = dialer.dial(listener.address, { signal: stop.signal }).catch((error: SealaneError) => error.code);
    await world.pass(0);
    stop.abort();
    await Promise.resolve();
    await Promise.resolve();
    const second = await world.until(dialer.dial(listener.address));
    expect(await first).toBe('ERR_ABORTED');
    expect(second.peerId).toBe(listener.id);
  });
});
