import { loadCrypto } from '@sealane/crypto';
import { Credential, createNodecert, SigningKey } from '@sealane/crypto/credential';
import type { ControlMessage, ForwardConnect } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { MessageKind, RelayCode } from '@sealane/types';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { allowAny, MemoryKeycertStore, RelayClient } from '../src/index.js';
import { World } from './support/world.js';

beforeAll(() => loadCrypto());

describe('a relay that is somebody else', () => {
  it('is refused when a foreign node key signed AUTH_OK', async () => {
    const world = await World.create({ authKey: SigningKey.create() });
    await expect(world.client()).rejects.toMatchObject({ code: 'ERR_RELAY_IDENTITY' });
  });

  it('is refused when its HELLO carries the node certificate of another relay', async () => {
    const other = await Credential.create();
    const nodeKey = SigningKey.create();
    const nodecert = createNodecert(other, 1, nodeKey.publicKey);
    const world = await World.create({ nodecert, authKey: nodeKey });
    await expect(world.client()).rejects.toMatchObject({ code: 'ERR_RELAY_IDENTITY' });
  });

  it('is refused when it signs HELLO again under its own identity while another one is pinned', async () => {
    const world = await World.create();
    const { transport } = world.relay;
    const expected = await Credential.create();
    const attempt = RelayClient.connect(`ws://relay.test:80#${expected.id}`, { clock: world.clock, transport });
    await expect(world.until(attempt)).rejects.toMatchObject({ code: 'ERR_RELAY_IDENTITY' });
  });
});

describe('a relay that plays with message 1', () => {
  it('cannot repeat it under the same connection id: the owner hears of one session', async () => {
    const accept = vi.fn(() => true);
    const world = await World.create({ onForward: (forward) => [forward, forward] });
    const { client, listener } = await world.owner({ accept });
    const dialer = await world.client();
    await world.until(dialer.dial(listener.address));
    await world.pass(100);
    expect(accept).toHaveBeenCalledTimes(1);
    expect(client.connections.size).toBe(1);
  });

  it('cannot repeat it under another connection id: it does not open', async () => {
    const accept = vi.fn(() => true);
    const other = new Uint8Array(16).fill(9);
    const world = await World.create({ onForward: (forward) => [forward, { ...forward, connectionId: other }] });
    const { client, listener } = await world.owner({ accept });
    const dialer = await world.client();
    await world.until(dialer.dial(listener.address));
    await world.pass(100);
    expect(accept).toHaveBeenCalledTimes(1);
    expect(client.connections.size).toBe(1);
  });

  it('makes no connection by replaying it later on a new link: nothing reaches the application without CONFIRM', async () => {
    let recorded: ForwardConnect | undefined;
    let replays = false;
    const world = await World.create({
      onForward: (forward) => {
        recorded ??= { ...forward, message1: forward.message1?.slice() ?? null };
        return replays && recorded !== undefined ? [forward, recorded] : [forward];
      },
    });
    const statuses: string[] = [];
    const { client, listener } = await world.owner(
      {},
      { onStatus: (event) => event.type === 'session' && statuses.push(event.state) },
    );
    const dialer = await world.client();
    await world.until(dialer.dial(listener.address, { fresh: true }));
    await world.pass(50);
    world.relay.links[0]?.abort();
    await world.pass(3_000);
    replays = true;
    await world.until(dialer.dial(listener.address, { fresh: true }));
    await world.pass(15_000);
    expect(statuses).toEqual(['open', 'closed', 'open']);
    expect(client.connections.size).toBe(1);
  });

  it('cannot bring it to another service of the same owner', async () => {
    const world = await World.create({ onForward: (forward) => [{ ...forward, service: 'admin' }] });
    const { client, listener } = await world.owner({ service: 'web' });
    await world.until(client.listen({ service: 'admin', accept: allowAny() }));
    const dialer = await world.client();
    await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({ code: 'ERR_E2EE_NO_TARGET' });
  });

  it('cannot reflect it to the dialer, who listens as well', async () => {
    const world = await World.create();
    const { listener } = await world.owner();
    const both = await world.client({ use: 'listen' });
    const own = await world.until(both.listen({ service: 'own', accept: allowAny() }));
    world.relay.leases.set('', world.relay.leases.get('own') as never);
    const dialing = world.until(both.dial(listener.address));
    await expect(dialing).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_RELAY_(KEYCERT|NO_OWNER)$/) });
    expect(own.connections.size).toBe(0);
  });

  it('gets no answer to one that it changed', async () => {
    const world = await World.create({
      onForward: (forward) => {
        const message1 = forward.message1?.slice() ?? new Uint8Array(1);
        message1[200] = (message1[200] ?? 0) ^ 1;
        return [{ ...forward, message1 }];
      },
    });
    const { client, listener } = await world.owner();
    const dialer = await world.client();
    await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({ code: 'ERR_RELAY_MALFORMED' });
    expect(client.connections.size).toBe(0);
  });
});

describe('a relay that plays with message 2', () => {
  const isAccept = (message: ControlMessage): message is ControlMessage & { message2: Uint8Array } =>
    message.kind === MessageKind.ACCEPT && message.message2 !== null;

  it('cannot change a bit of it', async () => {
    const random = seededRandom(3);
    const world = await World.create({
      onStreamMessage: (message) => {
        if (!isAccept(message)) return message;
        const message2 = message.message2.slice();
        const at = random.int(0, message2.length - 1);
        message2[at] = (message2[at] ?? 0) ^ (1 << random.int(0, 7));
        return { ...message, message2 };
      },
    });
    const { listener } = await world.owner();
    const dialer = await world.client();
    for (let round = 0; round < 30; round++) {
      await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_E2EE_(DAMAGED|SUITE)$/),
      });
    }
  });

  it('cannot answer with one that it saw before', async () => {
    let first: Uint8Array | undefined;
    const world = await World.create({
      onStreamMessage: (message) => {
        if (!isAccept(message)) return message;
        first ??= message.message2.slice();
        return { ...message, message2: first };
      },
    });
    const { listener } = await world.owner();
    const dialer = await world.client();
    await world.until(dialer.dial(listener.address, { fresh: true }));
    await expect(world.until(dialer.dial(listener.address, { fresh: true }))).rejects.toMatchObject({
      code: 'ERR_E2EE_DAMAGED',
    });
  });

  it('or never answers: the dial ends in time', async () => {
    const world = await World.create({ onStreamMessage: () => undefined });
    const { listener } = await world.owner();
    const dialer = await world.client();
    await expect(world.until(dialer.dial(listener.address), 11_000)).rejects.toMatchObject({
      code: 'ERR_E2EE_TIMEOUT',
    });
  });

  it('cannot say what only the owner may say', async () => {
    const world = await World.create({
      onStreamMessage: () => ({ kind: MessageKind.REJECT, code: RelayCode.DENIED, keycert: null, text: 'no' }),
    });
    const { listener } = await world.owner();
    const dialer = await world.client();
    await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({ code: 'ERR_RELAY_DENIED' });
  });
});

describe('a relay that plays with keycerts', () => {
  it('cannot hand out one of somebody else', async () => {
    const other = await Credential.create();
    const world = await World.create({
      onAnswer: (answer) => (answer.kind === MessageKind.FOUND ? { ...answer, keycert: other.keycert } : answer),
    });
    const { listener } = await world.owner();
    const dialer = await world.client();
    await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({ code: 'ERR_RELAY_KEYCERT' });
  });

  it('cannot hand out one that is older than what was seen', async () => {
    const old = await Credential.create();
    const owner = old.rotate({ nowMs: 0 });
    const world = await World.create({
      onAnswer: (answer) => (answer.kind === MessageKind.FOUND ? { ...answer, keycert: old.keycert } : answer),
    });
    const { listener } = await world.owner({}, { credential: owner });
    const knownKeycerts = new MemoryKeycertStore();
    knownKeycerts.put(owner.id, owner.keycert);
    const dialer = await world.client({ knownKeycerts });
    await expect(world.until(dialer.lookup(listener.id))).rejects.toMatchObject({ code: 'ERR_E2EE_KEYCERT' });
    expect((await world.until(dialer.dial(listener.address))).peerEpoch).toBe(2);
  });

  it('cannot refuse with an epoch that the owner never signed', async () => {
    const owner = await Credential.create();
    const forged = owner.rotate({ nowMs: 0 }).keycert.slice();
    forged[100] = (forged[100] ?? 0) ^ 1;
    const world = await World.create({
      onStreamMessage: () => ({ kind: MessageKind.REJECT, code: RelayCode.KEYCERT, keycert: forged, text: '' }),
    });
    const { listener } = await world.owner({}, { credential: owner });
    const dialer = await world.client();
    await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({ code: 'ERR_RELAY_KEYCERT' });
  });
});

describe('a relay that plays with records', () => {
  it.each(['dialer', 'owner'] as const)(
    'that the %s sent: a flipped bit ends the session, no wrong byte arrives',
    async (from) => {
      const random = seededRandom(5);
      let armed = false;
      const world = await World.create({
        onData: (chunk, sender) => {
          if (!armed || sender !== from) return chunk;
          const changed = chunk.slice();
          const at = random.int(0, changed.length - 1);
          changed[at] = (changed[at] ?? 0) ^ (1 << random.int(0, 7));
          return changed;
        },
      });
      for (let round = 0; round < 20; round++) {
        armed = false;
        const { client, listener } = await world.owner();
        const dialer = await world.client();
        const near = await world.until(dialer.openStream(listener.address));
        const owner = await world.take(listener);
        const far = await world.take(owner);
        armed = true;
        const [writer, reader] = from === 'dialer' ? [near, far] : [far, near];
        writer.raw.write(random(500));
        writer.raw.end();
        const read = world.until(reader.readable.getReader().read());
        await expect(read).rejects.toMatchObject({ code: 'ERR_E2EE_INTEGRITY' });
        await expect(world.until(writer.finished)).rejects.toMatchObject({
          code: expect.stringMatching(/^ERR_E2EE_(INTEGRITY|TRUNCATED)$/),
        });
        await world.until(Promise.all([dialer.close({ deadlineMs: 0 }), client.close({ deadlineMs: 0 })]));
      }
    },
  );

  it('cannot turn a cut into an end', async () => {
    let cut = false;
    const world = await World.create({ onData: (chunk) => (cut ? undefined : chunk) });
    const { listener } = await world.owner();
    const dialer = await world.client();
    const near = await world.until(dialer.openStream(listener.address));
    near.raw.write(new Uint8Array(100));
    const owner = await world.take(listener);
    const far = await world.take(owner);
    const reader = far.readable.getReader();
    expect((await world.until(reader.read())).value?.length).toBe(100);
    cut = true;
    near.raw.write(new Uint8Array(100));
    near.raw.end();
    const ended = world.until(near.finished);
    await expect(ended).rejects.toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
    await expect(world.until(reader.read())).rejects.toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
  });

  it('cannot hold a session for ever by giving no credit', async () => {
    const world = await World.create({ initialWindow: 16_384, keepsCredit: true });
    const { listener } = await world.owner();
    const dialer = await world.client();
    const near = await world.until(dialer.openStream(listener.address));
    near.raw.write(new Uint8Array(200_000));
    await expect(world.until(near.finished, 40_000)).rejects.toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
  });
});
