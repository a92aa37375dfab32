import {
  type Attack,
  dataFrames,
  forwardFrame,
  messageFrame,
  onMessage,
  type RawFrame,
  resetFrame,
  type SeenFrame,
} from '@sealane/hostile-relay';
import type { Accept, ControlMessage } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { FrameType, MessageKind, RelayCode, ResetCode } from '@sealane/types';
import { expect } from 'vitest';
import type { End, MatrixCase, MatrixGroup } from '../matrix-case.js';
import type { MatrixStage } from '../matrix-stage.js';

const random = seededRandom(44);
const asEver: MatrixCase['ends'] = { dialer: ['right bytes'], owner: ['right bytes'] };
const resume = { pathNumber: 1, sealed: random(34) };

const failed = (code: End): MatrixCase['ends'] => ({ dialer: [code], owner: ['nothing'] });

/** ACCEPT on its way to the dialer. */
const toDialer = (change: (accept: Accept, frame: SeenFrame) => readonly ControlMessage[] | undefined): Attack =>
  onMessage(MessageKind.ACCEPT, (accept, frame) => (frame.way === 'down' ? change(accept, frame) : undefined));

/** Any frames in the place of the ACCEPT. */
const insteadOfAccept = (
  create: (accept: Accept, frame: SeenFrame) => readonly RawFrame[],
  times = Number.POSITIVE_INFINITY,
): Attack => {
  let count = 0;
  return (frame) => {
    const { message } = frame;
    if (message?.kind !== MessageKind.ACCEPT || frame.way === 'up' || count >= times) return undefined;
    count += 1;
    return create(message, frame);
  };
};

const simple = (attack: string, ends: MatrixCase['ends'], create: () => Attack, onlyVirtual?: true): MatrixCase => ({
  attack,
  ends,
  ...(onlyVirtual === undefined ? {} : { onlyVirtual }),
  run: async (stage) => {
    stage.attack(create());
    await stage.attempt();
  },
});

/** ACCEPT with both parts, which no encoder makes. */
function bothParts(message2: Uint8Array): Uint8Array {
  const bin16 = Uint8Array.of(0xc5, message2.length >> 8, message2.length & 255);
  const parts = [
    Uint8Array.of(MessageKind.ACCEPT, 0x92),
    bin16,
    message2,
    Uint8Array.of(0x92, 1, 0xc4, 34),
    resume.sealed,
  ];
  return Buffer.concat(parts);
}

const reject: ControlMessage = { kind: MessageKind.REJECT, code: RelayCode.DENIED, keycert: null, text: '' };

/** Says something on the stream of a running session, once, after the first of its records. */
function inSession(to: 'dialer' | 'owner', message: ControlMessage): Attack {
  let count = 0;
  return (frame) => {
    const isTo = frame.way === 'down' && frame.type === FrameType.DATA && !frame.isOpen;
    if (!isTo || frame.link.isOwners !== (to === 'owner') || frame.data.length < 400 || count++ > 0) return undefined;
    return [frame, messageFrame(frame.streamId, message)];
  };
}

async function afterReject(stage: MatrixStage): Promise<void> {
  stage.attack(toDialer((accept) => [reject, accept]));
  await stage.attempt();
}

export const acceptCases: MatrixGroup = {
  key: 'A',
  title: 'ACCEPT, REJECT and HELD',
  cases: [
    simple('says ACCEPT without message 2', failed('ERR_E2EE_HANDSHAKE'), () =>
      toDialer((accept) => [{ ...accept, message2: null }]),
    ),
    simple('says ACCEPT with a RESUME that nobody asked for', failed('ERR_E2EE_HANDSHAKE'), () =>
      toDialer((accept) => [{ ...accept, message2: null, resume }]),
    ),
    simple('says ACCEPT with message 2 and a RESUME', failed('ERR_LINK_PROTOCOL'), () =>
      insteadOfAccept(({ message2 }, { streamId }) => [
        { type: FrameType.MESSAGE, flags: 0, streamId, body: bothParts(message2 ?? random(9)) },
      ]),
    ),
    simple('says ACCEPT with random bytes for message 2', failed('ERR_E2EE_DAMAGED'), () =>
      toDialer((accept) => [{ ...accept, message2: Buffer.concat([Uint8Array.of(2), random(1_400)]) }]),
    ),
    simple('says ACCEPT with one byte for message 2', failed('ERR_E2EE_DAMAGED'), () =>
      toDialer((accept) => [{ ...accept, message2: Uint8Array.of(2) }]),
    ),
    simple('says ACCEPT twice', asEver, () => toDialer((accept) => [accept, accept])),
    simple('says ACCEPT again in the middle of the session', asEver, () =>
      inSession('dialer', { kind: MessageKind.ACCEPT, message2: random(100), resume: null }),
    ),
    simple('says ACCEPT to the owner', { dialer: ['right bytes'], owner: ['right bytes'] }, () =>
      inSession('owner', { kind: MessageKind.ACCEPT, message2: random(100), resume: null }),
    ),
    {
      attack: 'says REJECT, and then ACCEPT',
      ends: failed('ERR_RELAY_DENIED'),
      run: afterReject,
    },
    {
      ...simple('says ACCEPT, and then REJECT', failed('ERR_E2EE_TRUNCATED'), () =>
        toDialer((accept) => [accept, reject]),
      ),
      ends: { dialer: ['ERR_E2EE_TRUNCATED'], owner: ['nothing', 'ERR_E2EE_TRUNCATED'] },
      varies: true,
      onlyVirtual: true,
    },
    simple(
      'says REJECT to the dialer in the middle of the session',
      { dialer: ['ERR_E2EE_TRUNCATED'], owner: ['ERR_E2EE_TRUNCATED'] },
      () => inSession('dialer', reject),
      true,
    ),
    simple(
      'says REJECT to the owner in the middle of the session',
      { dialer: ['ERR_E2EE_TRUNCATED'], owner: ['ERR_E2EE_TRUNCATED'] },
      () => inSession('owner', reject),
      true,
    ),
    simple('says RELEASED on the stream', failed('ERR_LINK_PROTOCOL'), () =>
      toDialer(() => [{ kind: MessageKind.RELEASED, request: 1 }]),
    ),
    simple('says ACCEPT once for a stream that was never opened', asEver, () =>
      insteadOfAccept((accept) => [messageFrame(999, accept)], 1),
    ),
    simple('says ACCEPT once on the link instead of the stream', asEver, () =>
      insteadOfAccept((accept) => [messageFrame(0, accept)], 1),
    ),
    simple(
      'says ACCEPT on the link instead of the stream every time',
      failed('ERR_LINK_PROTOCOL'),
      () => insteadOfAccept((accept) => [messageFrame(0, accept)]),
      true,
    ),
    simple('sends data before ACCEPT', failed('ERR_LINK_PROTOCOL'), () =>
      insteadOfAccept((accept, { streamId }) => [...dataFrames(streamId, random(30)), messageFrame(streamId, accept)]),
    ),
    simple('ends the stream instead of ACCEPT', failed('ERR_E2EE_TRUNCATED'), () =>
      insteadOfAccept((_, { streamId }) => dataFrames(streamId, new Uint8Array(0), true)),
    ),
    {
      attack: 'says HELD again and again, and nothing else',
      ends: { dialer: ['ERR_E2EE_TIMEOUT'], owner: ['nothing'] },
      onlyVirtual: true,
      run: async (stage) => {
        const held = { kind: MessageKind.HELD } as const;
        stage.attack((frame) => {
          if (frame.request === undefined) return undefined;
          const stream = frame.link.take(frame.streamId);
          for (let second = 0; second < 30; second++) stage.after(second * 1_000, () => stream.send(held));
          return [];
        });
        const from = stage.clock.nowMs();
        await stage.attempt();
        expect(stage.clock.nowMs() - from).toBeLessThan(20_000);
      },
    },
    simple('says HELD, and then ACCEPT', asEver, () => toDialer((accept) => [{ kind: MessageKind.HELD }, accept])),
    {
      attack: 'forwards a RESUME of a session that never was',
      ends: { dialer: ['right bytes'], owner: ['right bytes'] },
      run: async (stage) => {
        const owner = await stage.owner();
        const stream = stage.relay.ownerLinks[0]?.forwardResume({
          owner: owner.credential.publicKey,
          service: '',
          instance: random(16),
          resumeId: random(16),
          ...resume,
        });
        await stage.waitFor(() => stream?.answer !== undefined, 'an answer');
        expect(stream?.answer).toMatchObject({ kind: MessageKind.REJECT, code: RelayCode.NO_SESSION });
        await stage.attempt({ owner });
      },
    },
    {
      attack: 'says in the request that the relay knows who dials: another identity',
      ends: asEver,
      run: async (stage) => {
        const owner = await stage.owner();
        stage.attack((frame) => {
          const { forward } = frame;
          return forward === undefined ? undefined : [forwardFrame(frame.streamId, { ...forward, dialer: random(32) })];
        });
        const { dialer } = await stage.attempt({ owner });
        expect(owner.asked).toEqual([dialer.credential.id]);
      },
    },
    {
      attack: 'resets the stream instead of answering, with every code (0 to 12)',
      ends: {
        dialer: [
          'ERR_RELAY_BUSY',
          'ERR_RELAY_DRAINING',
          'ERR_RELAY_TIMEOUT',
          'ERR_RELAY_DENIED',
          'ERR_E2EE_TRUNCATED',
          'ERR_E2EE_HANDSHAKE',
        ],
        owner: ['nothing'],
      },
      run: async (stage) => {
        const owner = await stage.owner();
        const { client } = await stage.dialer();
        const early: Readonly<Record<number, End>> = {
          [ResetCode.BUSY]: 'ERR_RELAY_BUSY',
          [ResetCode.REFUSED]: 'ERR_RELAY_DRAINING',
          [ResetCode.TIMEOUT]: 'ERR_RELAY_TIMEOUT',
          [ResetCode.DENIED]: 'ERR_RELAY_DENIED',
          [ResetCode.GONE]: 'ERR_E2EE_TRUNCATED',
        };
        for (let code = 0; code <= 12; code++) {
          stage.attack(insteadOfAccept((_, { streamId }) => [resetFrame(streamId, code)]));
          const { code: end, retryable } = await stage.errorOf(client.dial(owner.listener.address));
          expect(`${code}: ${end}`).toBe(`${code}: ${early[code] ?? 'ERR_E2EE_HANDSHAKE'}`);
          expect(retryable, end).toBe(end !== 'ERR_E2EE_HANDSHAKE' && end !== 'ERR_RELAY_DENIED');
          stage.note('dialer', end);
        }
        await stage.noteOwner(owner);
      },
    },
  ],
};
