import { encodeHandshakeMessage } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { MessageKind, RelayCode, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { HostileStage } from './support/hostile-stage.js';

const random = seededRandom(11);

describe('a dialer that breaks the rules before it is confirmed', () => {
  it.each([
    ['no message 1', () => random(1_500)],
    ['a suite that is none', () => Uint8Array.of(9, 0, 0, 0, 1, ...random(2_000))],
    ['an epoch that is not held', () => Uint8Array.of(2, 0, 0, 0, 9, ...random(2_000))],
    ['one byte', () => Uint8Array.of(2)],
  ])('and sends %s on the stream that was accepted loses the stream and nothing else', async (_, message) => {
    const stage = await HostileStage.create();
    const { seen, stream } = stage.connect(random(16), null);
    await stage.pass(50);
    expect(seen.answer).toMatchObject({ kind: MessageKind.ACCEPT, message2: null });
    stream.write(encodeHandshakeMessage(message()));
    stage.hostile.flush();
    await stage.pass(100);
    expect(seen.resetCode).toBe(ResetCode.PROTOCOL);
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });

  it('and shows a KEM key that is none is refused, inside CONNECT and on the stream', async () => {
    const stage = await HostileStage.create();
    const kemPublicKey = new Uint8Array(1_184).fill(255);
    const [one, two] = [random(16), random(16)];
    const inside = stage.connect(one, stage.hello(one, kemPublicKey));
    const after = stage.connect(two, null);
    await stage.pass(50);
    after.stream.write(encodeHandshakeMessage(stage.hello(two, kemPublicKey)));
    stage.hostile.flush();
    await stage.pass(100);
    expect(inside.seen.answer).toMatchObject({ kind: MessageKind.REJECT, code: RelayCode.MALFORMED });
    expect(after.seen.resetCode).toBe(ResetCode.PROTOCOL);
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });

  it('and sends one connection id twice is rejected without cryptography', async () => {
    const stage = await HostileStage.create();
    const id = random(16);
    const hello = stage.hello(id);
    const first = stage.connect(id, hello);
    const second = stage.connect(id, hello);
    await stage.pass(50);
    expect(first.seen.answer).toMatchObject({ kind: MessageKind.ACCEPT });
    expect(second.seen.answer).toMatchObject({ kind: MessageKind.REJECT, code: RelayCode.MALFORMED });
  });

  it('and never confirms leaves no event, no connection and no place behind', async () => {
    const stage = await HostileStage.create();
    for (let index = 0; index < 120; index++) {
      const id = random(16);
      const message1 = index % 2 === 0 ? stage.hello(id) : null;
      stage.connect(id, message1);
    }
    await stage.pass(500);
    expect(stage.relay.statistics().sessions).toBe(120);
    await stage.pass(12_000);
    expect(stage.relay.statistics().sessions).toBe(0);
    expect(stage.ownerEvents).toEqual([]);
    expect(stage.ownerClient.connections.size).toBe(0);
    await stage.expectServing();
  });

  it('and sends records of its own making ends its session unheard', async () => {
    const stage = await HostileStage.create();
    const id = random(16);
    const { seen, stream } = stage.connect(id, stage.hello(id));
    await stage.pass(50);
    stream.write(new Uint8Array([0, 0, 25, ...random(25)]));
    stage.hostile.flush();
    await stage.pass(100);
    expect(seen.resetCode).toBe(ResetCode.GONE);
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });
});

describe('a dialer that was refused', () => {
  it('holds no place at the owner or the relay by not ending its streams', async () => {
    const stage = await HostileStage.create({ accept: (peer) => peer.id !== stage.mallory.id });
    const streams = Array.from({ length: 60 }, () => {
      const id = random(16);
      return stage.connect(id, stage.hello(id));
    });
    await stage.pass(500);
    expect(streams.every(({ seen }) => seen.answer?.kind === MessageKind.ACCEPT && seen.fin)).toBe(true);
    await stage.pass(7_000);
    expect(stage.relay.statistics().sessions).toBe(0);
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });

  it('and speaks of control messages on a joined stream loses its own link', async () => {
    const stage = await HostileStage.create();
    const id = random(16);
    const { stream } = stage.connect(id, stage.hello(id));
    await stage.pass(50);
    stage.hostile.send({ kind: MessageKind.REJECT, code: RelayCode.DENIED, keycert: null, text: '' }, stream);
    await stage.pass(100);
    expect(stage.hostile.end).toBeDefined();
    expect(stage.ownerEvents).toEqual([]);
    await stage.expectServing();
  });
});
