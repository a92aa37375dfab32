import { loadCrypto } from '@sealane/crypto';
import { beforeAll, describe, expect } from 'vitest';
import type { Scene } from './scene.js';
import { bothRight, bothTruncated, playAll, type SceneCase } from './scene-case.js';

beforeAll(() => loadCrypto());

type Side = 'dialer' | 'owner';
const sides = ['dialer', 'owner'] as const;

/** For records of the dialer and for those of the owner. */
function eachWay(
  attack: string,
  ends: SceneCase['ends'],
  act: (scene: Scene, from: Side) => Promise<void>,
  assert?: SceneCase['assert'],
): SceneCase[] {
  return sides.map((from) => ({
    attack: `${attack} (records of the ${from})`,
    ends,
    act: (scene) => act(scene, from),
    ...(assert === undefined ? {} : { assert }),
  }));
}

const flip = (bytes: Uint8Array): Uint8Array => {
  const changed = bytes.slice();
  changed[changed.length >> 1] = changed[changed.length >> 1]! ^ 4;
  return changed;
};

/** Once, a second after now: what `change` makes of the next bytes. */
function once(scene: Scene, from: Side, change: (chunk: Uint8Array) => Uint8Array): void {
  let isDone = false;
  scene.relay.options.onData = (chunk, side) => {
    if (isDone || side !== from || chunk.length < 500) return chunk;
    isDone = true;
    return change(chunk);
  };
}

describe('A relay that', () => {
  playAll([
    ...eachWay('plays the records of the old path on the new one', bothRight, async (scene, from) => {
      const old = Buffer.concat(scene.path.seen[from]);
      await scene.cut(200);
      const { path } = scene;
      scene.relay.inject(from === 'dialer' ? path.owner! : path.dialer, old);
    }),
    ...eachWay('plays the records of the new path on the old one', bothRight, async (scene, from) => {
      const old = scene.path;
      await scene.cut(100);
      scene.relay.options.onData = (chunk, side) => {
        if (side === from) scene.relay.inject(from === 'dialer' ? old.owner! : old.dialer, chunk);
        return chunk;
      };
    }),
    ...eachWay('feeds both paths with everything, old and new', bothRight, async (scene, from) => {
      const old = scene.path;
      await scene.cut(100);
      const recorded = Buffer.concat(old.seen[from]);
      for (let time = 0; time < 20; time++) {
        scene.relay.inject(from === 'dialer' ? old.owner! : old.dialer, recorded);
        await scene.world.pass(20);
      }
    }),
    ...eachWay('lets late bytes of the old path come one by one', bothRight, async (scene, from) => {
      const old = scene.path;
      await scene.cut(100);
      for (const byte of Buffer.concat(old.seen[from]).subarray(0, 300)) {
        scene.relay.inject(from === 'dialer' ? old.owner! : old.dialer, Uint8Array.of(byte));
      }
    }),
    ...eachWay('cuts inside a record', bothRight, async (scene, from) => {
      once(scene, from, (chunk) => chunk.slice(0, 300));
      await scene.world.pass(200);
      await scene.cut();
    }),
    ...eachWay('flips a bit once', bothRight, async (scene, from) => {
      once(scene, from, flip);
      await scene.world.pass(500);
    }),
    ...eachWay('flips a bit twice', bothRight, async (scene, from) => {
      once(scene, from, flip);
      await scene.world.pass(700);
      once(scene, from, flip);
      await scene.world.pass(700);
    }),
    ...eachWay(
      'flips a bit on every path: the third is the last',
      { dialer: 'ERR_E2EE_INTEGRITY', owner: 'ERR_E2EE_INTEGRITY' },
      async (scene, from) => {
        scene.relay.options.onData = (chunk, side) => (side === from && chunk.length > 500 ? flip(chunk) : chunk);
        await scene.world.pass(100);
      },
      (scene) => expect(scene.relay.resumes.length).toBe(2),
    ),
    // The other direction still flows, with acks that stand still: that is what a peer that stalls looks like.
    {
      attack: 'lets RESUME through and carries nothing to the owner after it',
      ends: { dialer: 'ERR_E2EE_PEER_STALLED', owner: 'ERR_E2EE_TRUNCATED' },
      act: async (scene) => {
        scene.relay.options.onData = (chunk, side) => (side === 'dialer' ? undefined : chunk);
        await scene.cut();
      },
    },
    {
      attack: 'lets RESUME through and carries nothing to the dialer after it',
      ends: { dialer: 'ERR_E2EE_PEER_STALLED', owner: 'ERR_E2EE_PEER_STALLED' },
      act: async (scene) => {
        scene.relay.options.onData = (chunk, side) => (side === 'owner' ? undefined : chunk);
        await scene.cut();
      },
    },
    {
      attack: 'lets RESUME through and carries nothing either way: the time runs from the first cut',
      ends: bothTruncated,
      act: async (scene) => {
        const sinceMs = scene.world.clock.nowMs();
        scene.relay.options.onData = () => undefined;
        await scene.cut();
        while (scene.ends.dialer === undefined) await scene.world.pass(100);
        expect(scene.world.clock.nowMs() - sinceMs).toBeLessThanOrEqual(62_000);
        expect(scene.relay.resumes.length).toBeGreaterThan(2);
      },
    },
    {
      attack: 'reflects the records of each side to it on the new path',
      ends: bothRight,
      act: async (scene) => {
        await scene.cut(100);
        const { path } = scene;
        scene.relay.inject(
          path.dialer,
          Buffer.concat(path.seen.dialer.length > 0 ? path.seen.dialer : [Buffer.alloc(40)]),
        );
      },
    },
    {
      attack: 'gives back no credit: a path that takes nothing more is broken, and the next one begins with new credit',
      relays: [{ initialWindow: 16_384 }],
      ends: bothRight,
      act: async (scene) => {
        Object.assign(scene.relay.options, { keepsCredit: true });
        await scene.world.pass(100);
      },
      assert: (scene) => expect(scene.relay.resumes.length).toBeGreaterThan(0),
    },
  ]);
});
