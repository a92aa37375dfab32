import { loadCrypto } from '@sealane/crypto';
import type { ForwardConnect, ForwardResume } from '@sealane/protocol';
import { AbortCode, type ErrorCode, LinkFeature, MessageKind, RelayCode, ResumptionLimit } from '@sealane/types';
import { beforeAll, describe, expect, it } from 'vitest';
import { allowAny, KeptBudget, type PeerRequest, type SecureConnection } from '../../src/index.js';
import { World } from '../support/world.js';
import type { Scene } from './scene.js';
import { bothRight, playAll, type SceneCase } from './scene-case.js';

beforeAll(() => loadCrypto());

interface State {
  readonly status?: number;
  readonly nextExpected?: number;
  readonly nextSealed?: number;
}

/** A RESUME that only the dialer can seal, with whatever it says in it. */
function sealedBy({ near, relay }: Scene, state: State): ForwardResume {
  const pathNumber = near.resumeHalf!.pathNumber + 1;
  const sealed = near.resumeHalf!.keys.sealResume(pathNumber, { ...near.session.resumeState(), ...state });
  return { ...relay.resumes.at(-1)!, pathNumber, sealed };
}

/** A dialer that has the keys, and says of itself what cannot be. */
function lyingDialer(attack: string, state: State, code: ErrorCode): SceneCase {
  return {
    attack: `dialer ${attack}`,
    ends: { dialer: code, owner: code },
    act: async (scene) => {
      await scene.cut();
      scene.relay.askOwner(sealedBy(scene, state));
      await scene.world.pass(100);
    },
  };
}

/** An owner that does: it answers the next RESUME with this. */
function lyingOwner(attack: string, state: State, ends: SceneCase['ends']): SceneCase {
  return {
    attack: `owner ${attack}`,
    ends,
    act: async (scene) => {
      let isSaid = false;
      scene.relay.options.onResume = ({ pathNumber }, path) => {
        if (isSaid) return [];
        isSaid = true;
        const { far } = scene;
        const sealed = far.resumeHalf!.keys.sealResume(pathNumber, { ...far.session.resumeState(), ...state });
        const resume = { pathNumber, sealed };
        scene.relay.answer(path.dialer, { kind: MessageKind.ACCEPT, message2: null, resume });
        return [];
      };
      await scene.cut();
    },
  };
}

const protocol: ErrorCode = 'ERR_E2EE_PROTOCOL';
const abandoned: ErrorCode = 'ERR_E2EE_TRUNCATED';
const statuses: readonly (readonly [string, number, ErrorCode])[] = [
  ['says DENIED', AbortCode.DENIED, 'ERR_E2EE_DENIED'],
  ['says INTEGRITY', AbortCode.INTEGRITY, 'ERR_E2EE_INTEGRITY'],
  ['says PEER_STALLED', AbortCode.PEER_STALLED, 'ERR_E2EE_PEER_STALLED'],
  ['says SHUTDOWN', AbortCode.SHUTDOWN, 'ERR_E2EE_TRUNCATED'],
  ['gives a status that nobody knows', 65_535, 'ERR_E2EE_ABORTED'],
];

describe('A', () => {
  playAll([
    lyingDialer('expects a record that was never sealed', { nextExpected: 1_000_000 }, protocol),
    lyingDialer('expects the record 2^53 - 1', { nextExpected: Number.MAX_SAFE_INTEGER }, protocol),
    lyingDialer('goes back behind what it acknowledged', { nextExpected: 0 }, protocol),
    lyingDialer('goes back behind what it sealed', { nextSealed: 0 }, protocol),
    lyingOwner(
      'expects a record that was never sealed',
      { nextExpected: 1_000_000 },
      { dialer: protocol, owner: abandoned },
    ),
    lyingOwner('goes back behind what it acknowledged', { nextExpected: 0 }, { dialer: protocol, owner: abandoned }),
    lyingOwner('goes back behind what it sealed', { nextSealed: 0 }, { dialer: protocol, owner: abandoned }),
    ...statuses.map(([words, status, code]) => lyingOwner(words, { status }, { dialer: code, owner: abandoned })),
    {
      attack: 'dialer with a number beyond 2^53 in its RESUME costs the owner no link',
      ends: bothRight,
      act: async (scene) => {
        await scene.cut();
        const links = scene.relay.links.length;
        const { messages } = scene.relay.askOwner(sealedBy(scene, { nextSealed: 2 ** 60 }));
        await scene.world.pass(100);
        expect(messages).toMatchObject([{ kind: MessageKind.REJECT, code: RelayCode.NO_SESSION }]);
        await scene.cut(2_000);
        expect(scene.relay.links.length).toBe(links);
      },
    },
    {
      attack: 'dialer that resumes over and over gets one question for each that is answered',
      ends: bothRight,
      act: async (scene) => {
        for (let time = 0; time < 20; time++) await scene.cut(60);
      },
    },
  ]);
});

describe('accept, asked again at a resume,', () => {
  /** `answer` is asked from the second time on. */
  function policy(answer: (peer: PeerRequest) => boolean | Promise<boolean>) {
    let asked = 0;
    return { accept: (peer: PeerRequest) => (asked++ === 0 ? true : answer(peer)) };
  }

  playAll([
    {
      attack: 'that changed its mind ends the session for both sides',
      listen: policy(() => false),
      ends: { dialer: 'ERR_E2EE_DENIED', owner: 'ERR_E2EE_DENIED' },
      act: (scene) => scene.cut(),
    },
    {
      attack: 'that throws ends it in the same way',
      listen: policy(() => {
        throw new Error('the list cannot be read');
      }),
      ends: { dialer: 'ERR_E2EE_DENIED', owner: 'ERR_E2EE_DENIED' },
      act: (scene) => scene.cut(),
    },
    {
      attack: 'that takes 7 s holds the session up, and nothing else',
      listen: policy(() => new Promise((resolve) => later.push(() => resolve(true)))),
      ends: bothRight,
      act: async (scene) => {
        await scene.cut(7_000);
        for (const answer of later) answer();
      },
    },
    {
      attack: 'that never answers is one question, however often the dialer tries, and the session is given up',
      listen: policy(() => {
        unanswered += 1;
        return new Promise<boolean>(() => undefined);
      }),
      ends: { dialer: abandoned, owner: abandoned },
      act: (scene) => scene.cut(),
      assert: (scene) => {
        expect(scene.relay.resumes.length).toBeGreaterThan(3);
        expect(unanswered).toBe(1);
      },
    },
    {
      attack: 'is asked by recheck too: a live session of a peer that is not allowed any more ends for both sides',
      listen: policy(() => false),
      ends: { dialer: 'ERR_E2EE_DENIED', owner: 'ERR_E2EE_DENIED' },
      act: async (scene) => {
        await scene.world.until(scene.owner.listener.recheck());
      },
    },
  ]);
});

const later: (() => void)[] = [];
let unanswered = 0;

describe('An old message 1 that a relay sends again', () => {
  const features = LinkFeature.RESUME;

  /** Message 1s of a dialer, recorded by the relay at dials that it refused or let pass. */
  async function recorded(count: number) {
    const forwards: ForwardConnect[] = [];
    const world = await World.create({ features, onForward: (forward) => [record(forward)] });
    const record = (forward: ForwardConnect): ForwardConnect => {
      forwards.push({ ...forward, connectionId: forward.connectionId.slice(), message1: forward.message1!.slice() });
      return forward;
    };
    const kept = new KeptBudget();
    const owner = await world.owner({ accept: allowAny() }, { resumption: { kept } });
    const dialer = await world.client({ resumption: { kept: new KeptBudget() } });
    for (let dial = 0; dial < count; dial++) {
      const connection = await world.until(dialer.dial(owner.listener.address, { fresh: true }));
      await world.until(connection.close());
    }
    return { world, owner, dialer, kept, forwards };
  }

  /** A new link of the owner knows no connection ids. */
  async function onNewLink(world: World, forwards: readonly ForwardConnect[]): Promise<void> {
    world.relay.leases.get('')!.side.link.abort();
    await world.pass(1_500);
    for (const forward of forwards) world.relay.askOwner(forward);
    await world.pass(200);
  }

  it('takes no place of the sessions that resume, and none of those that are suspended', async () => {
    const { world, owner, dialer, kept, forwards } = await recorded(20);
    const near = await world.until(dialer.dial(owner.listener.address, { fresh: true }));
    await world.pass(100);
    expect(kept.places).toBe(1);
    world.relay.options.onResume = () => [];
    await onNewLink(world, forwards.slice(0, 20));
    expect(kept.places).toBe(1);
    // Every path of the owner breaks: 20 unconfirmed sessions lose theirs too.
    world.relay.leases.get('')!.side.link.abort();
    await world.pass(1_500);
    expect([...owner.client.connections].map((connection) => connection.isSuspended)).toEqual([true]);
    world.relay.options.onResume = (forward) => [forward];
    await world.pass(12_000);
    expect([near.isOpen, near.isSuspended]).toEqual([true, false]);
    expect(await world.until(near.ping())).toBeGreaterThanOrEqual(0);
    expect(owner.client.connections.size).toBe(1);
  });
});

describe('A session', () => {
  it('that is idle is not given up after its path was resumed', async () => {
    const world = await World.create({ features: LinkFeature.RESUME });
    const { listener } = await world.owner();
    const dialer = await world.client();
    const near = await world.until(dialer.dial(listener.address));
    await world.until(near.ping());
    await world.pass(20_000);
    world.relay.cut(world.relay.paths.at(-1)!);
    await world.pass(120_000);
    expect([near.isOpen, near.isSuspended, world.relay.resumes.length]).toEqual([true, false, 1]);
    expect(await world.until(near.ping())).toBeGreaterThanOrEqual(0);
  });

  it('that is idle does not believe a path that carries nothing', async () => {
    const world = await World.create({ features: LinkFeature.RESUME });
    const { listener } = await world.owner();
    const dialer = await world.client();
    const near = await world.until(dialer.dial(listener.address));
    await world.until(near.ping());
    world.relay.options.onData = () => undefined;
    world.relay.cut(world.relay.paths.at(-1)!);
    await expect(world.until(near.closed, 70_000)).rejects.toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
  });

  it('is one of at most 16 suspended of one peer: the one that waits longest is given up', async () => {
    const world = await World.create({ features: LinkFeature.RESUME });
    const { client, listener } = await world.owner();
    const dialer = await world.client();
    const sessions: SecureConnection[] = [];
    for (let dial = 0; dial < 20; dial++) {
      sessions.push(await world.until(dialer.dial(listener.address, { fresh: true })));
      await world.pass(50);
      if (dial === 0) world.relay.options.onResume = () => [];
      // Suspended ones do not count as open: the peer may have 16 more.
      world.relay.cut(world.relay.paths.findLast(({ owner }) => owner !== undefined)!);
      await world.pass(50);
    }
    expect(client.connections.size).toBe(ResumptionLimit.maxSuspendedPerPeer);
    world.relay.options.onResume = (forward) => [forward];
    await world.pass(12_000);
    const isThere = sessions.map((session) => session.isOpen && !session.isSuspended);
    expect(isThere).toEqual([...new Array(4).fill(false), ...new Array(16).fill(true)]);
    for (const ended of sessions.slice(0, 4)) {
      await expect(ended.closed).rejects.toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
    }
  });
});
