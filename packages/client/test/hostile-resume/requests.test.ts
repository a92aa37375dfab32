import { loadCrypto } from '@sealane/crypto';
import type { ControlMessage, ForwardResume } from '@sealane/protocol';
import { MessageKind, RelayCode } from '@sealane/types';
import { beforeAll, describe, expect, it } from 'vitest';
import { Scene } from './scene.js';
import { bothRight, playAll, type SceneCase } from './scene-case.js';

beforeAll(() => loadCrypto());

const flip = (bytes: Uint8Array, at: number): Uint8Array => {
  const changed = bytes.slice();
  changed[at] = changed[at]! ^ 1;
  return changed;
};

/** Answers of the owner to what the relay makes of RESUMEs that it has seen; none of them may be ACCEPT. */
async function ask(scene: Scene, forwards: readonly ForwardResume[]): Promise<ControlMessage[]> {
  const asked = forwards.map((forward) => scene.relay.askOwner(forward));
  await scene.world.pass(100);
  return asked.flatMap(({ messages }) => messages);
}

function refused(answers: readonly ControlMessage[], count: number): void {
  expect(answers.length).toBe(count);
  for (const answer of answers) expect(answer).toMatchObject({ kind: MessageKind.REJECT, code: RelayCode.NO_SESSION });
}

/** After one good resumption: the relay asks the owner with a RESUME that it made of the one that it saw. */
function forged(attack: string, forge: (seen: ForwardResume, scene: Scene) => readonly ForwardResume[]): SceneCase {
  return {
    attack,
    ends: bothRight,
    act: async (scene) => {
      await scene.cut();
      const forwards = forge(scene.relay.resumes[0]!, scene);
      refused(await ask(scene, forwards), forwards.length);
    },
    assert: (scene) => expect(scene.relay.resumes.length).toBe(1),
  };
}

describe('A relay that', () => {
  playAll([
    forged('replays a RESUME that was accepted', (seen) => [seen]),
    forged('replays it five hundred times', (seen) => Array.from({ length: 500 }, () => seen)),
    forged('forwards it under the next path number', (seen) => [{ ...seen, pathNumber: seen.pathNumber + 1 }]),
    forged('forwards it under the largest path number', (seen) => [{ ...seen, pathNumber: Number.MAX_SAFE_INTEGER }]),
    forged('flips a bit in each of its bytes, under every number up to 34', (seen) =>
      Array.from(seen.sealed, (_, at) => ({ ...seen, pathNumber: at + 1, sealed: flip(seen.sealed, at) })),
    ),
    forged('asks under 200 resume ids that nobody has', (seen) =>
      Array.from({ length: 200 }, (_, at) => ({ ...seen, resumeId: new Uint8Array(16).fill(at) })),
    ),
    forged('names another service', (seen) => [{ ...seen, service: 'other', pathNumber: 2 }]),
    forged('names another instance', (seen) => [{ ...seen, instance: flip(seen.instance, 0), pathNumber: 2 }]),
    {
      attack: 'replays the first RESUME after the second one was accepted: a number that goes back',
      ends: bothRight,
      act: async (scene) => {
        await scene.cut();
        await scene.cut();
        expect(scene.relay.resumes.map(({ pathNumber }) => pathNumber)).toEqual([1, 2]);
        refused(await ask(scene, scene.relay.resumes), 2);
      },
    },
    {
      attack: 'holds the first RESUME back until the second one was accepted',
      ends: bothRight,
      act: async (scene) => {
        scene.relay.options.onResume = (forward) => (forward.pathNumber === 1 ? [] : [forward]);
        await scene.cut(4_000);
        refused(await ask(scene, [scene.relay.resumes[0]!]), 1);
      },
    },
    {
      attack: 'takes the RESUME of one session for another one of the same pair',
      ends: bothRight,
      act: async (scene) => {
        const second = await scene.world.until(scene.dialer.dial(scene.owner.listener.address, { fresh: true }));
        await scene.world.pass(100);
        // It is a session of the dialer, and the scene expects none.
        scene.accepted.pop();
        scene.relay.cut(scene.relay.paths[0]!);
        await scene.world.pass(400);
        const [first] = scene.relay.resumes;
        const { resumeId } = second.resumeHalf!.keys;
        refused(
          await ask(scene, [
            { ...first!, resumeId },
            { ...first!, resumeId, pathNumber: 2 },
          ]),
          2,
        );
        expect(second.isSuspended).toBe(false);
      },
    },
    {
      attack: 'gives the owner its own RESUME as if it were the one of the dialer',
      ends: bothRight,
      act: async (scene) => {
        let sealed: Uint8Array | undefined;
        scene.relay.options.onStreamMessage = (message) => {
          if (message.kind === MessageKind.ACCEPT) sealed ??= message.resume?.sealed.slice();
          return message;
        };
        await scene.cut();
        const [first] = scene.relay.resumes;
        const numbers = [1, 2, 3].map((pathNumber) => ({ ...first!, pathNumber, sealed: sealed! }));
        refused(await ask(scene, numbers), 3);
      },
    },
    {
      attack: 'forwards each RESUME three times at once',
      relays: [{ onResume: (forward) => [forward, forward, forward] }],
      ends: bothRight,
      act: (scene) => scene.cut(),
    },
    {
      attack: 'changes the path number on the way to the owner, three times',
      relays: [
        {
          onResume: (forward) => [
            forward.pathNumber > 3 ? forward : { ...forward, pathNumber: forward.pathNumber + 1_000 },
          ],
        },
      ],
      ends: bothRight,
      act: (scene) => scene.cut(),
    },
  ]);

  it('floods an owner with RESUME is heard so often a second, and costs it no session', async () => {
    const scene = await Scene.begin();
    await scene.cut();
    const flood = Array.from({ length: 3_000 }, () => ({ ...scene.relay.resumes[0]!, resumeId: new Uint8Array(16) }));
    const answers = await ask(scene, flood);
    const busy = answers.filter((said) => said.kind === MessageKind.REJECT && said.code === RelayCode.BUSY);
    expect(busy.length).toBeGreaterThan(1_500);
    expect(await scene.finish()).toEqual(bothRight);
    await scene.close();
  });
});
