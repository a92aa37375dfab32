import { parseKeycert } from '@sealane/crypto/credential';
import { encodeFrame } from '@sealane/protocol';
import { FrameType, MessageKind, RelayCode, type SealaneError, Suite } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { type ForgedHelloOptions, forgeHello } from '../../client/test/support/forged-hello.js';
import { World } from '../../client/test/support/world.js';
import { HostileStage } from './support/hostile-stage.js';

/** A TLV of three bytes. */
const tlv = (type: number): Uint8Array => Uint8Array.of(type >> 8, type & 255, 0, 3, 1, 2, 3);

async function answerTo(
  changes: Partial<ForgedHelloOptions>,
  header: (message1: Uint8Array) => Uint8Array = (message1) => message1,
): Promise<{ kind: number; code?: number; text?: string; hasMessage2: boolean }> {
  const stage = await HostileStage.create();
  const connectionId = new Uint8Array(16).fill(9);
  const key = stage.mallory.handshakeKey(1);
  if (key === undefined) throw new Error('no key');
  const { keycert } = stage.mallory;
  const owner = parseKeycert(stage.ownerCredential.keycert);
  const hello = header(forgeHello({ owner, connectionId, key, keycert, ...changes }));
  const { seen } = stage.connect(connectionId, hello);
  await stage.pass(100);
  const { answer } = seen;
  await stage.expectServing();
  if (answer?.kind === MessageKind.REJECT) return { ...answer, hasMessage2: false };
  if (answer?.kind !== MessageKind.ACCEPT) throw new Error('no answer');
  return { kind: answer.kind, hasMessage2: answer.message2 !== null };
}

describe('an owner of today and a dialer of a later version', () => {
  it('shake hands when the dialer offers suites, features and fields beside those known here', async () => {
    const suites = [9, Suite.HYBRID, 200];
    const answer = await answerTo({ suites, features: 0xffff_ffff, tlvs: tlv(0x7abc) });
    expect(answer).toMatchObject({ kind: MessageKind.ACCEPT, hasMessage2: true });
  });

  it('part with a reason when it needs what is not known here', async () => {
    expect(await answerTo({ tlvs: tlv(0xfabc) })).toMatchObject({
      code: RelayCode.MALFORMED,
      text: 'it needs a feature that is not known here',
    });
  });

  it('part with a reason when it speaks only suites that are not known here', async () => {
    const answer = await answerTo({}, (message1) => {
      const changed = message1.slice();
      changed[0] = 3;
      return changed;
    });
    expect(answer).toMatchObject({
      code: RelayCode.MALFORMED,
      text: 'message 1 is of a suite that is not known here',
    });
  });
});

describe('a dialer of today and an owner of a later version', () => {
  it.each([
    ['of another suite', [3], 'ERR_E2EE_SUITE'],
    ['longer than any of this version', [Suite.HYBRID, ...new Uint8Array(1_088 + 48 + 512 - 1)], 'ERR_E2EE_DAMAGED'],
  ])('a message 2 %s is a typed error', async (_, start, code) => {
    const world = await World.create({
      onStreamMessage: (message) =>
        message.kind === MessageKind.ACCEPT ? { ...message, message2: new Uint8Array(start) } : message,
    });
    const { listener } = await world.owner();
    const dialer = await world.client();
    await expect(world.until(dialer.dial(listener.address))).rejects.toMatchObject({ code });
  });
});

describe('frames and messages of a later version on the link', () => {
  it('are skipped by a relay from type 64 on, and end the link below', async () => {
    const stage = await HostileStage.create();
    const { hostile } = stage;
    hostile.sendRaw(encodeFrame(64 as never, 0xff, 7, new Uint8Array(9)));
    await stage.pass(100);
    expect(hostile.end).toBeUndefined();
    const named = { kind: MessageKind.LOOKUP, request: 1, name: 'nobody', id: null, service: '' } as const;
    hostile.send(named);
    await stage.pass(100);
    expect(hostile.answerTo(1)).toMatchObject({ code: RelayCode.NO_OWNER });
    hostile.sendRaw(encodeFrame(63 as never, 0, 0, new Uint8Array(0)));
    await stage.pass(100);
    expect(hostile.end).toMatchObject({ code: 1008, reason: 'MALFORMED' });
    await stage.expectServing();
  });

  it.each<[string, Uint8Array, SealaneError['code'] | undefined]>([
    [
      'a frame from type 64 on is skipped by a client',
      encodeFrame(200 as never, 0xff, 7, new Uint8Array(9)),
      undefined,
    ],
    ['a frame below type 64 ends its link', encodeFrame(63 as never, 0, 0, new Uint8Array(0)), 'ERR_LINK_PROTOCOL'],
    [
      'an unknown message ends its link',
      encodeFrame(FrameType.MESSAGE, 0, 0, Uint8Array.of(99, 0x90)),
      'ERR_LINK_PROTOCOL',
    ],
  ])('%s', async (_, frame, code) => {
    const world = await World.create();
    const ends: (SealaneError['code'] | undefined)[] = [];
    const client = await world.client({
      onStatus: (event) => {
        if (event.type === 'link' && event.state === 'waiting') ends.push(event.error?.code);
      },
    });
    const { listener } = await world.owner({ name: 'box' });
    world.relay.links[0]!.send(frame);
    await world.pass(100);
    expect(ends).toEqual(code === undefined ? [] : [code]);
    // Either way the client goes on, on this link or on the next.
    expect((await world.until(client.lookup('box'))).id).toBe(listener.id);
  });
});
