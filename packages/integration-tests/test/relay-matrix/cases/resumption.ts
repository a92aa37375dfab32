import {
  type Attack,
  dataFrames,
  flipBit,
  isDataFrom,
  onData,
  onMessage,
  onRecords,
  type RawFrame,
  resetFrame,
  type SeenFrame,
  type Sender,
} from '@sealane/hostile-relay';
import type { Accept, ForwardResume, Reject } from '@sealane/protocol';
import { MessageKind, OpenKind, RelayCode, ResetCode } from '@sealane/types';
import { expect } from 'vitest';
import type { End, MatrixCase, MatrixGroup } from '../matrix-case.js';

const right: readonly End[] = ['right bytes'];
const integrity: readonly End[] = ['ERR_E2EE_INTEGRITY'];
const truncated: readonly End[] = ['ERR_E2EE_TRUNCATED'];

const senders = ['dialer', 'owner'] as const;
type Ends = MatrixCase['ends'];
type More = Pick<MatrixCase, 'onlyVirtual'>;
const bothRight: Ends = { dialer: right, owner: right };

function eachWay(attack: string, ends: Ends, create: (sender: Sender) => Attack, more: More = {}): MatrixCase[] {
  return senders.map((sender) => ({
    attack: `${attack} of the ${sender}`,
    ends,
    ...more,
    run: async (stage) => {
      stage.attack(create(sender));
      await stage.attempt();
    },
  }));
}

/** Does something to one record of some size, once in the life of the relay. */
function once(change: (record: Uint8Array) => readonly Uint8Array[]): (sender: Sender) => Attack {
  return (sender) => {
    let isDone = false;
    return onRecords(sender, (record) => {
      if (isDone || record.length < 300) return undefined;
      isDone = true;
      return change(record);
    });
  };
}

/** Instead of the second larger piece of data, once: with the first one the dialer confirms. */
function breakOnce(frames: (frame: SeenFrame) => readonly RawFrame[]): (sender: Sender) => Attack {
  return (sender) => {
    let pieces = 0;
    return onData(sender, (frame) => (frame.data.length >= 300 && ++pieces === 2 ? frames(frame) : undefined));
  };
}

/** The dialer hears of it at once, and begins to look for another one. */
const breakPath = (): Attack => breakOnce((frame) => [resetFrame(frame.streamId, ResetCode.GONE)])('owner');

/** Breaks the path, and does something to the RESUME or the answer to it. */
function broken(attack: string, ends: Ends, create: () => Attack, more: More = {}): MatrixCase {
  return {
    attack,
    ends,
    ...more,
    run: async (stage) => {
      stage.attack(breakPath(), create());
      await stage.attempt();
    },
  };
}

const reject = (code: number): Reject => ({ kind: MessageKind.REJECT, code, keycert: null, text: '' });

/** The owner's answer to a RESUME, the first `times` times. */
function onResumed(change: (answer: Accept) => readonly (Accept | Reject)[], times: number): Attack {
  let left = times;
  return onMessage(MessageKind.ACCEPT, (answer, frame) =>
    answer.resume === null || frame.way !== 'down' || left-- <= 0 ? undefined : change(answer),
  );
}

/** Asks the owner with what the relay made of a RESUME that it saw; none of it may be accepted. */
function forge(attack: string, make: (seen: ForwardResume) => Omit<ForwardResume, 'kind' | 'dialer'>): MatrixCase {
  return {
    attack,
    ends: bothRight,
    run: async (stage) => {
      let seen: ForwardResume | undefined;
      stage.attack(breakPath(), (frame) => {
        if (frame.forward?.kind === OpenKind.RESUME) seen ??= frame.forward;
        return undefined;
      });
      await stage.attempt();
      const [owner] = stage.relay.ownerLinks;
      const { kind: _kind, dialer: _dialer, ...request } = make(seen!) as ForwardResume;
      const stream = owner!.forwardResume(request);
      await stage.waitFor(() => stream.answer !== undefined, 'an answer');
      expect(stream.answer).toMatchObject({ kind: MessageKind.REJECT, code: RelayCode.NO_SESSION });
    },
  };
}

export const resumptionCases: MatrixGroup = {
  key: 'S',
  title: 'Sessions that outlive their path',
  resumes: true,
  cases: [
    ...eachWay(
      'drops a record',
      bothRight,
      once(() => []),
    ),
    ...eachWay(
      'repeats a record',
      bothRight,
      once((record) => [record, record]),
    ),
    ...eachWay(
      'flips a bit in a record',
      bothRight,
      once((record) => [flipBit(record, record.length >> 1, 3)]),
    ),
    ...eachWay(
      'hands half a record over and resets the stream',
      bothRight,
      breakOnce((frame) => [
        ...dataFrames(frame.streamId, frame.data.slice(0, 150)),
        resetFrame(frame.streamId, ResetCode.GONE),
      ]),
      { onlyVirtual: true },
    ),
    ...eachWay(
      'ends the stream in order in the middle of the records',
      bothRight,
      breakOnce((frame) => dataFrames(frame.streamId, new Uint8Array(0), true)),
    ),
    ...eachWay('cuts the link of the reader in the middle of the records', bothRight, (sender) => {
      let pieces = 0;
      return onData(sender, (frame) => {
        if (frame.data.length < 300 || ++pieces !== 2) return undefined;
        frame.link.cut();
        return [];
      });
    }),
    ...eachWay(
      'flips a bit in every larger record but the first',
      { dialer: integrity, owner: integrity },
      (sender) => {
        let records = 0;
        return onRecords(sender, (record) =>
          record.length >= 300 && ++records > 1 ? [flipBit(record, 40)] : undefined,
        );
      },
    ),
    forge('breaks the path, and forwards the RESUME once more after it was accepted', (seen) => seen),
    forge('breaks the path, and forwards the RESUME under the next path number', (seen) => ({
      ...seen,
      pathNumber: seen.pathNumber + 1,
    })),
    forge('breaks the path, and forwards the RESUME with a bit flipped under the next path number', (seen) => ({
      ...seen,
      pathNumber: seen.pathNumber + 1,
      sealed: flipBit(seen.sealed, 7),
    })),
    broken('breaks the path, and flips a bit in the answer to the first RESUME', bothRight, () =>
      onResumed(
        ({ resume, ...answer }) => [{ ...answer, resume: { ...resume!, sealed: flipBit(resume!.sealed, 3) } }],
        1,
      ),
    ),
    broken('breaks the path, and gives the answer the number of another attempt', bothRight, () =>
      onResumed(({ resume, ...answer }) => [{ ...answer, resume: { ...resume!, pathNumber: 9 } }], 1),
    ),
    broken('breaks the path, and gives the answer twice', bothRight, () => onResumed((answer) => [answer, answer], 1)),
    broken('breaks the path, and answers each RESUME that nobody knows the session, twice', bothRight, () =>
      onResumed(() => [reject(RelayCode.NO_SESSION)], 2),
    ),
    broken(
      'breaks the path, and answers so for ever',
      { dialer: truncated, owner: truncated },
      () => onResumed(() => [reject(RelayCode.NO_SESSION)], Number.POSITIVE_INFINITY),
      { onlyVirtual: true },
    ),
    broken(
      'breaks the path, accepts each RESUME and carries nothing after it',
      { dialer: truncated, owner: truncated },
      () => {
        let isResumed = false;
        return (frame) => {
          if (frame.forward?.kind === OpenKind.RESUME) isResumed = true;
          return isResumed && (isDataFrom(frame, 'dialer') || isDataFrom(frame, 'owner')) ? [] : undefined;
        };
      },
      { onlyVirtual: true },
    ),
  ],
};
