import { loadCrypto } from '@sealane/crypto';
import { encodeFrame, encodeGoAway } from '@sealane/protocol';
import { FrameType, GoAwayCode, LinkFeature, MessageKind, RelayCode } from '@sealane/types';
import { beforeAll, describe, expect, it } from 'vitest';
import { allowAny, MemoryPinStore } from '../../src/index.js';
import type { ScriptedRelay } from '../support/scripted-relay.js';
import { World } from '../support/world.js';
import type { Scene } from './scene.js';
import { bothRight, playAll, type SceneCase } from './scene-case.js';

beforeAll(() => loadCrypto());

const features = LinkFeature.RESUME;
const honest = {};

function sayGoodbye(relay: ScriptedRelay): void {
  const goAway = encodeGoAway({ lastStream: 0xffff_fffe, code: GoAwayCode.DRAINING, retryAfterMs: 0, url: '' });
  for (const link of relay.links) if (!link.hasEnded) link.send(encodeFrame(FrameType.GOAWAY, 0, 0, goAway));
}

/** The relay that carries the session now. */
function carrier(scene: Scene): ScriptedRelay {
  return scene.world.relays.find(({ identity }) => identity.id === scene.near.relayId)!;
}

function others(scene: Scene): ScriptedRelay[] {
  return scene.world.relays.filter((relay) => relay !== carrier(scene));
}

/** Two relays, of which the one that carries the session turns bad. */
function oneBad(
  attack: string,
  act: (bad: ScriptedRelay, scene: Scene) => Promise<void>,
  more: Partial<SceneCase> = {},
) {
  return {
    attack,
    relays: [honest, honest],
    ends: bothRight,
    act: (scene: Scene) => act(carrier(scene), scene),
    ...more,
  };
}

describe('One of two relays that', () => {
  playAll([
    oneBad('flips a bit on each of its paths: the session goes on over the other one', async (bad, scene) => {
      bad.options.onData = (chunk, from) => {
        const changed = chunk.slice();
        if (from === 'dialer' && chunk.length > 500) changed[200] = changed[200]! ^ 1;
        return changed;
      };
      await scene.world.pass(3_000);
      expect(carrier(scene)).not.toBe(bad);
    }),
    oneBad('takes RESUME and carries nothing: it is tried last', async (bad, scene) => {
      bad.options.onData = () => undefined;
      bad.cut(bad.paths.at(-1)!);
      await scene.world.pass(15_000);
      expect(carrier(scene)).not.toBe(bad);
    }),
    oneBad('says for ever that nobody knows the session', async (bad, scene) => {
      bad.options.onResume = (_, path) => {
        bad.answer(path.dialer, { kind: MessageKind.REJECT, code: RelayCode.NO_SESSION, keycert: null, text: '' });
        return [];
      };
      bad.cut(bad.paths.at(-1)!);
      await scene.world.pass(3_000);
    }),
    oneBad('says HELD for ever', async (bad, scene) => {
      bad.options.onResume = (_, path) => {
        bad.answer(path.dialer, { kind: MessageKind.HELD });
        return [];
      };
      bad.cut(bad.paths.at(-1)!);
      await scene.world.pass(8_000);
    }),
    oneBad('replays at the other one what it saw', async (bad, scene) => {
      bad.cut(bad.paths.at(-1)!);
      await scene.world.pass(400);
      const seen = scene.world.relays.flatMap(({ resumes }) => resumes);
      expect(seen.length).toBeGreaterThan(0);
      for (const relay of scene.world.relays) {
        for (const forward of seen) {
          const { messages } = relay.askOwner(forward);
          await scene.world.pass(50);
          expect(messages).toMatchObject([{ kind: MessageKind.REJECT, code: RelayCode.NO_SESSION }]);
        }
      }
    }),
    oneBad('says goodbye again and again: each time the session moves without a byte lost', async (_, scene) => {
      for (let time = 0; time < 6; time++) {
        sayGoodbye(carrier(scene));
        await scene.world.pass(300);
      }
    }),
    oneBad('says goodbye while the other one lies about the owner: the session stays', async (bad, scene) => {
      const [other] = others(scene);
      other!.options.onAnswer = (answer) =>
        answer.kind === MessageKind.FOUND ? { ...answer, instance: new Uint8Array(16).fill(9) } : answer;
      const before = scene.world.relays.flatMap(({ resumes }) => resumes).length;
      sayGoodbye(bad);
      await scene.world.pass(500);
      expect(scene.world.relays.flatMap(({ resumes }) => resumes).length).toBe(before);
      expect(scene.near.isSuspended).toBe(false);
    }),
    oneBad('says goodbye for streams that are not there, without carrying the session', async (_, scene) => {
      const before = scene.world.relays.flatMap(({ resumes }) => resumes).length;
      for (const other of others(scene)) sayGoodbye(other);
      await scene.world.pass(1_000);
      expect(scene.world.relays.flatMap(({ resumes }) => resumes).length).toBe(before);
    }),
    oneBad('proves nothing when its links come back', async (bad, scene) => {
      bad.isImpostor = true;
      for (const link of bad.links) link.abort();
      await scene.world.pass(3_000);
    }),
  ]);

  it('takes the connection and never says HELLO delays nobody', async () => {
    const world = await World.create({ features, isSilent: true }, { features });
    const sinceMs = world.clock.nowMs();
    const owner = await world.owner();
    const dialer = await world.client();
    await world.until(dialer.dial(owner.listener.address));
    expect(world.clock.nowMs() - sinceMs).toBeLessThan(2_000);
  });

  it('says HELLO and then nothing delays nobody', async () => {
    const world = await World.create({ features, isSilentAfterHello: true }, { features });
    const sinceMs = world.clock.nowMs();
    const owner = await world.owner();
    const dialer = await world.client();
    await world.until(dialer.dial(owner.listener.address));
    expect(world.clock.nowMs() - sinceMs).toBeLessThan(2_000);
  });
});

describe('A name at two relays', () => {
  async function setup() {
    const world = await World.create({ features }, { features });
    const owner = await world.owner({ name: 'box' });
    await world.pass(1_000);
    const pins = new MemoryPinStore();
    const dialer = await world.client({ pins });
    await world.pass(1_000);
    return { world, owner, dialer, pins };
  }

  /** A second owner, whom one relay shows under the name of the first. */
  async function usurp(world: World, relay: ScriptedRelay) {
    const usurper = await world.owner({ service: 'usurper', accept: allowAny() });
    await world.pass(1_000);
    const held = relay.leases.get('usurper')!;
    relay.options.onAnswer = (answer) => {
      if (answer.kind !== MessageKind.FOUND) return answer;
      const { keycert, service, instance } = held.lease;
      return { ...answer, id: keycert.subarray(0, 32), keycert, service, instance };
    };
    return usurper;
  }

  it('that one of them does not know is asked for at the other one', async () => {
    const { world, owner, dialer } = await setup();
    world.relay.options.onAnswer = (answer, _side) =>
      answer.kind === MessageKind.FOUND
        ? { kind: MessageKind.ERROR, request: answer.request, code: RelayCode.NO_OWNER, text: '', value: null }
        : answer;
    const connection = await world.until(dialer.dial('box'));
    expect(connection.peerId).toBe(owner.client.id);
  });

  it('stands for the owner of its first use: another one that a second relay names is refused', async () => {
    const { world, owner, dialer } = await setup();
    const first = await world.until(dialer.dial('box'));
    expect(first.peerId).toBe(owner.client.id);
    first.abort();
    await usurp(world, world.relays[1]!);
    world.relay.refusesLinks = true;
    for (const link of world.relay.links) link.abort();
    await world.pass(500);
    const again = world.until(dialer.dial('box', { fresh: true }));
    await expect(again).rejects.toMatchObject({ code: 'ERR_E2EE_PIN' });
  });

  it('leads a dial only to whom it stood for: what is pooled under an id is a session with that id', async () => {
    const { world, owner, dialer } = await setup();
    await usurp(world, world.relays[1]!);
    // The first relay resolves the name, and is gone before the handshake.
    world.relay.options.onAnswer = (answer) => {
      if (answer.kind === MessageKind.FOUND) {
        world.relay.refusesLinks = true;
        world.clock.schedule(3, () => {
          for (const link of world.relay.links) link.abort();
        });
      }
      return answer;
    };
    const outcome = await world.until(dialer.dial('box').then(({ peerId }) => peerId, String));
    expect(outcome === owner.client.id || outcome.includes('ERR_')).toBe(true);
    for (const connection of dialer.connections) expect(connection.peerId).toBe(owner.client.id);
  });
});
