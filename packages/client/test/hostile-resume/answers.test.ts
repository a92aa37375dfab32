import { loadCrypto } from '@sealane/crypto';
import type { Accept, ControlMessage, Reject, ResumeSeal } from '@sealane/protocol';
import { MessageKind, RelayCode } from '@sealane/types';
import { beforeAll, describe, expect } from 'vitest';
import type { RelayedPath, ScriptedRelayOptions } from '../support/scripted-relay.js';
import type { Scene } from './scene.js';
import { bothRight, bothTruncated, playAll, type SceneCase } from './scene-case.js';

beforeAll(() => loadCrypto());

const reject = (code: number): Reject => ({ kind: MessageKind.REJECT, code, keycert: null, text: '' });
const accept = (resume: ResumeSeal | null): Accept => ({ kind: MessageKind.ACCEPT, message2: null, resume });
const flip = (bytes: Uint8Array, at: number): Uint8Array => {
  const changed = bytes.slice();
  changed[at] = changed[at]! ^ 1;
  return changed;
};

/** The relay answers RESUME itself, for as long as `answers` says something. */
function answering(
  relayOf: () => Scene['relay'],
  answers: (attempt: number) => readonly ControlMessage[] | undefined,
): ScriptedRelayOptions {
  let attempt = 0;
  return {
    onResume: (forward, path) => {
      const said = answers(attempt++);
      if (said === undefined) return [forward];
      for (const message of said) relayOf().answer(path.dialer, message);
      return [];
    },
  };
}

/** A case in which the relay answers itself. */
function lies(
  attack: string,
  ends: SceneCase['ends'],
  answers: (attempt: number, scene: Scene) => readonly ControlMessage[] | undefined,
): SceneCase {
  return {
    attack,
    ends,
    act: (scene) => {
      Object.assign(
        scene.relay.options,
        answering(
          () => scene.relay,
          (attempt) => answers(attempt, scene),
        ),
      );
      return scene.cut();
    },
  };
}

/** The owner's ACCEPT on its way to the dialer becomes something else, for the first `times` of them. */
function changed(
  attack: string,
  change: (seal: ResumeSeal, path: RelayedPath, scene: Scene) => readonly ControlMessage[],
  times = 1,
): SceneCase {
  let left = times;
  return {
    attack,
    ends: bothRight,
    act: async (scene) => {
      scene.relay.options.onStreamMessage = (message, path) => {
        if (message.kind !== MessageKind.ACCEPT || message.resume === null || left-- <= 0) return message;
        const seal = { ...message.resume, sealed: message.resume.sealed.slice() };
        for (const said of change(seal, path, scene)) scene.relay.answer(path.dialer, said);
        return undefined;
      };
      await scene.cut();
    },
    assert: (scene) => expect(scene.relay.resumes.length).toBeLessThanOrEqual(times + 1),
  };
}

const codes = Object.values(RelayCode);

describe('A relay that', () => {
  playAll([
    lies('says for ever that nobody knows the session', bothTruncated, () => [reject(RelayCode.NO_SESSION)]),
    lies('says so three times', bothRight, (attempt) => (attempt < 3 ? [reject(RelayCode.NO_SESSION)] : undefined)),
    lies('gives each of its codes as an answer, one after the other', bothRight, (attempt) =>
      attempt < codes.length ? [reject(codes[attempt]!)] : undefined,
    ),
    lies('gives codes that nobody knows', bothRight, (attempt) =>
      attempt < 4 ? [reject(9_000 + attempt)] : undefined,
    ),
    lies('says HELD to every attempt, for ever', bothTruncated, () => [{ kind: MessageKind.HELD }]),
    lies('says HELD a thousand times', bothRight, (attempt) =>
      attempt === 0 ? Array.from({ length: 1_000 }, () => ({ kind: MessageKind.HELD })) : undefined,
    ),
    lies('answers nothing, for ever', bothTruncated, () => []),
    lies('accepts without the RESUME of the owner', bothRight, (attempt) => (attempt < 3 ? [accept(null)] : undefined)),
    lies('accepts with the message 2 of a handshake', bothRight, (attempt) =>
      attempt < 3 ? [{ kind: MessageKind.ACCEPT, message2: new Uint8Array(64), resume: null }] : undefined,
    ),
    lies('accepts in the name of the owner with bytes of its own', bothRight, (attempt) =>
      attempt < 3 ? [accept({ pathNumber: attempt + 1, sealed: new Uint8Array(34) })] : undefined,
    ),
    lies("gives the dialer's own RESUME back as the one of the owner", bothRight, (attempt, scene) => {
      const { pathNumber, sealed } = scene.relay.resumes.at(-1)!;
      return attempt < 3 ? [accept({ pathNumber, sealed })] : undefined;
    }),
    lies('sends messages that do not belong there', bothRight, (attempt) =>
      attempt < 3 ? [{ kind: MessageKind.RELEASED, request: 1 }] : undefined,
    ),
    {
      attack: 'sends bytes before the answer',
      ends: bothRight,
      act: async (scene) => {
        scene.relay.options.onResume = (forward, path) => {
          if (forward.pathNumber > 2) return [forward];
          scene.relay.inject(path.dialer, new Uint8Array(100));
          return [];
        };
        await scene.cut();
      },
    },
    changed(
      'flips a bit in the RESUME of the owner, three times',
      (seal) => [accept({ ...seal, sealed: flip(seal.sealed, 5) })],
      3,
    ),
    changed('gives the answer the number of another attempt', (seal) => [
      accept({ ...seal, pathNumber: seal.pathNumber + 1 }),
    ]),
    changed('gives the answer the largest number', (seal) => [
      accept({ ...seal, pathNumber: Number.MAX_SAFE_INTEGER }),
    ]),
    changed('gives the answer twice', (seal) => [accept(seal), accept(seal)]),
    changed('gives the answer, and then says that nobody knows the session', (seal) => [
      accept(seal),
      reject(RelayCode.NO_SESSION),
    ]),
    changed('gives the answer, and then HELD a hundred times', (seal) => [
      accept(seal),
      ...Array.from({ length: 100 }, () => ({ kind: MessageKind.HELD }) as const),
    ]),
    changed('gives the answer 4 s late, to an attempt that was given up', (seal, path, scene) => {
      scene.world.clock.schedule(4_000, () => scene.relay.answer(path.dialer, accept(seal)));
      return [];
    }),
    {
      attack: 'gives the answer to an attempt that was given up as the one to the next attempt',
      ends: bothRight,
      act: async (scene) => {
        let first: ResumeSeal | undefined;
        scene.relay.options.onStreamMessage = (message) => {
          if (message.kind !== MessageKind.ACCEPT || message.resume === null) return message;
          if (first === undefined) {
            first = { ...message.resume, sealed: message.resume.sealed.slice() };
            return undefined;
          }
          return scene.relay.resumes.length < 4 ? accept({ ...first, pathNumber: message.resume.pathNumber }) : message;
        };
        await scene.cut(5_000);
        expect(scene.relay.resumes.length).toBeGreaterThanOrEqual(3);
      },
    },
    {
      attack: 'cuts the path again as soon as it is there, ten times',
      ends: bothRight,
      act: async (scene) => {
        for (let time = 0; time < 10; time++) await scene.cut(150);
        expect(scene.relay.resumes.length).toBeGreaterThanOrEqual(5);
      },
    },
    {
      attack: 'cuts the path for ever: no cut heals',
      ends: bothTruncated,
      act: async (scene) => {
        scene.relay.options.onResume = (_, path) => {
          path.dialer.stream.reset(4);
          return [];
        };
        await scene.cut();
      },
    },
    {
      attack: 'closes every link with a refusal once the path broke, for 20 s',
      ends: bothRight,
      act: async (scene) => {
        scene.relay.refusesLinks = true;
        for (const link of scene.relay.links) link.abort();
        await scene.world.pass(20_000);
        scene.relay.refusesLinks = false;
      },
    },
    {
      attack: 'shows another identity for 20 s, as who stands between would',
      ends: bothRight,
      act: async (scene) => {
        scene.relay.isImpostor = true;
        for (const link of scene.relay.links) link.abort();
        await scene.world.pass(20_000);
        scene.relay.isImpostor = false;
      },
    },
  ]);
});
