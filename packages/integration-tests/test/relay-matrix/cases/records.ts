import {
  type Attack,
  dataFrames,
  flipBit,
  type HostileLink,
  onData,
  onRecords,
  type RawFrame,
  resetFrame,
  type SeenFrame,
  type Sender,
} from '@sealane/hostile-relay';
import { seededRandom } from '@sealane/testkit';
import { FrameType, ResetCode } from '@sealane/types';
import { expect } from 'vitest';
import type { End, MatrixCase, MatrixGroup } from '../matrix-case.js';
import type { MatrixStage } from '../matrix-stage.js';

/** Each side sends more than this: it is in the middle of what is sent. */
const MIDDLE = 2;
const integrity: readonly End[] = ['ERR_E2EE_INTEGRITY'];
const truncated: readonly End[] = ['ERR_E2EE_TRUNCATED'];
const all: readonly End[] = ['right bytes'];

/** Ends of the side that reads the changed records, and of the one that sent them. */
interface Ends {
  readonly reader: readonly End[];
  readonly writer: readonly End[];
}

const right: Ends = { reader: all, writer: all };
const broken: Ends = { reader: integrity, writer: integrity };
const cutOff: Ends = { reader: truncated, writer: truncated };

type Create = (sender: Sender, stage: MatrixStage) => Attack;

function eachWay(attack: string, ends: Ends, create: Create, more: Pick<MatrixCase, 'onlyVirtual'> = {}): MatrixCase[] {
  return (['dialer', 'owner'] as const).map((sender) => ({
    attack: `${attack} of the ${sender}`,
    ends:
      sender === 'dialer' ? { dialer: ends.writer, owner: ends.reader } : { dialer: ends.reader, owner: ends.writer },
    ...more,
    run: async (stage) => {
      stage.attack(create(sender, stage));
      await stage.attempt();
    },
  }));
}

type Change = (record: Uint8Array, frame: SeenFrame, stage: MatrixStage) => readonly Uint8Array[];

const middle =
  (change: Change): Create =>
  (sender, stage) =>
    onRecords(sender, (record, index, frame) => (index === MIDDLE ? change(record, frame, stage) : undefined));

/** Holds one record back until the next one went. */
const swap: Create = (sender) => {
  let held: Uint8Array | undefined;
  return onRecords(sender, (record, index) => {
    if (index === MIDDLE - 1) {
      held = record;
      return [];
    }
    if (held === undefined) return undefined;
    const pair = [record, held];
    held = undefined;
    return pair;
  });
};

/** What comes first is held back, and is all that the reader gets with the changed one: it has said nothing by then. */
const atOnce: Create = (sender) => {
  const held: Uint8Array[] = [];
  return onRecords(sender, (record, index) => {
    if (index < MIDDLE) held.push(record);
    return index < MIDDLE ? [] : [...held.splice(0), index === MIDDLE ? flipBit(record, record.length - 1) : record];
  });
};

/** The first record once more, in the middle. */
const replay: Create = (sender) => {
  let first: Uint8Array = new Uint8Array(0);
  return onRecords(sender, (record, index) => {
    if (index === 0) first = record;
    return index === MIDDLE ? [first, record] : undefined;
  });
};

/** So much is less than what a side sends, and more than its first piece. */
const begun = (sender: Sender): number => (sender === 'dialer' ? 1_500 : 700);

/** From the middle on another end of the stream instead of data. */
const endWith = (frame: (streamId: number) => readonly RawFrame[]): Create => {
  return (sender) => {
    let bytes = 0;
    return onData(sender, (seen) => {
      bytes += seen.data.length;
      const isFirst = bytes - seen.data.length < begun(sender);
      if (bytes < begun(sender)) return undefined;
      return isFirst ? frame(seen.streamId) : [];
    });
  };
};

/** One sweep: a session for every offset of the stream of records, until the offset lies behind all of them. */
async function sweep(
  stage: MatrixStage,
  sender: Sender,
  change: (frame: SeenFrame, at: number, offset: number) => readonly RawFrame[],
): Promise<number> {
  const owner = await stage.owner();
  const dialer = await stage.dialer();
  for (let offset = 0; ; offset++) {
    let passed = 0;
    let wasReached = false;
    stage.attack(
      onData(sender, (frame) => {
        const at = offset - passed;
        passed += frame.data.length;
        if (wasReached) return [];
        if (at < 0 || at >= frame.data.length) return undefined;
        wasReached = true;
        return change(frame, at, offset);
      }),
    );
    const from = owner.served.length;
    const end = await stage.tryExchange(dialer, owner.listener.address, { bytes: 250, answerBytes: 250 });
    if (!wasReached) {
      expect(end).toBe('right bytes');
      return offset;
    }
    stage.note('dialer', end);
    await stage.noteOwner(owner, from);
    stage.attack();
    for (const connection of [...dialer.client.connections, ...owner.client.connections]) connection.abort();
    await stage.pass(10);
  }
}

/** The link of who reads is cut after some byte of the records: at every 60th of them. */
function linkCuts(sender: Sender): MatrixCase {
  return {
    attack: `cuts the link of the reader after every 60th byte that the ${sender} sent`,
    ends: {
      dialer: ['ERR_E2EE_TRUNCATED', 'right bytes'],
      owner: ['nothing', 'ERR_E2EE_TRUNCATED', 'right bytes'],
    },
    varies: true,
    run: async (stage) => {
      const owner = await stage.owner();
      const dialer = await stage.dialer();
      for (let offset = 0; offset < 600; offset += 60) {
        let passed = 0;
        let cut: HostileLink | undefined;
        stage.attack(
          onData(sender, (frame) => {
            const at = offset - passed;
            passed += frame.data.length;
            if (cut !== undefined || at >= frame.data.length) return cut === undefined ? undefined : [];
            cut = frame.link;
            frame.link.toClient(dataFrames(frame.streamId, frame.data.slice(0, at))[0] ?? frame);
            frame.link.cut();
            return [];
          }),
        );
        await stage.attempt({ owner, dialer, sizes: { bytes: 250, answerBytes: 250 } });
        stage.attack();
        // On sockets the relay may see the end of a link after its client has.
        const isThere = (): boolean => stage.relay.ownerLinks.length === 1 && stage.relay.ownerLinks[0] !== cut;
        await stage.waitFor(isThere, 'the owner is there');
        await stage.waitFor(() => stage.relay.server.statistics().leases === 1, 'its lease');
        await stage.pass(300);
        expect(await stage.tryExchange(dialer, owner.listener.address)).toMatch(/^(right bytes|ERR_RELAY_NO_OWNER)$/);
      }
    },
  };
}

function sweeps(
  attack: string,
  ends: Readonly<Record<Sender, MatrixCase['ends']>>,
  change: (frame: SeenFrame, at: number, offset: number) => readonly RawFrame[],
): MatrixCase[] {
  return (['dialer', 'owner'] as const).map((sender) => ({
    attack: `${attack} of the ${sender}`,
    ends: ends[sender],
    onlyVirtual: true,
    run: async (stage) => {
      const offsets = await sweep(stage, sender, change);
      expect(offsets).toBeGreaterThan(300);
    },
  }));
}

const before = (frame: SeenFrame, at: number): RawFrame[] => dataFrames(frame.streamId, frame.data.slice(0, at));

/** Two sessions at once; from the middle on each gets the records of the other. */
async function spliceTwo(stage: MatrixStage, sender: Sender, kind: 'dialers' | 'owners' | 'sessions'): Promise<void> {
  const owner = await stage.owner();
  const other = kind === 'owners' ? await stage.owner() : owner;
  const dialer = await stage.dialer();
  const second = kind === 'dialers' ? await stage.dialer() : dialer;
  const ways: { readonly link: HostileLink; readonly streamId: number }[] = [];
  stage.attack(
    onRecords(sender, (record, index, frame) => {
      const way = ways.find(({ link, streamId }) => link === frame.link && streamId === frame.streamId);
      if (way === undefined) ways.push({ link: frame.link, streamId: frame.streamId });
      const target = ways.find((each) => each !== way);
      if (index < MIDDLE || target === undefined || way === undefined) return undefined;
      for (const crossed of dataFrames(target.streamId, record)) target.link.toClient(crossed);
      return [];
    }),
  );
  await Promise.all([
    stage.exchange(dialer, owner.listener.address, { alpn: ['sealane/stream/1', 'one'] }),
    stage.exchange(second, other.listener.address, { alpn: ['sealane/stream/1', 'two'] }),
  ]);
  await stage.noteOwner(owner);
  if (other !== owner) await stage.noteOwner(other);
}

function splices(sender: Sender, ends: MatrixCase['ends']): MatrixCase[] {
  return (
    [
      ['sessions', 'two sessions of one dialer and one owner'],
      ['dialers', 'two dialers with one owner'],
      ['owners', 'one dialer with two owners'],
    ] as const
  ).map(([kind, words]) => ({
    attack: `splices ${words}: each gets the records of the other that the ${sender} sent`,
    ends,
    varies: true,
    ...(kind === 'sessions' ? {} : { onlyVirtual: true }),
    run: (stage) => spliceTwo(stage, sender, kind),
  }));
}

/** What a side sent comes back to it. */
const reflect: Create = (sender) => (frame) => {
  const isFromSender =
    frame.type === FrameType.DATA &&
    frame.way === 'up' &&
    !frame.isOpen &&
    frame.link.isOwners === (sender === 'owner');
  if (!isFromSender || frame.data.length === 0) return undefined;
  for (const back of dataFrames(frame.streamId, frame.data)) frame.link.toClient(back);
  return [];
};

const random = seededRandom(21);

export const recordCases: MatrixGroup = {
  key: 'R',
  title: 'Records of a session',
  cases: [
    ...eachWay(
      'drops a record',
      broken,
      middle(() => []),
    ),
    ...eachWay(
      'repeats a record',
      broken,
      middle((record) => [record, record]),
    ),
    ...eachWay('swaps two records', broken, swap),
    ...eachWay('brings the first record once more in the middle of those', broken, replay),
    ...eachWay(
      'flips a bit in a record',
      broken,
      middle((record) => [flipBit(record, record.length >> 1, 3)]),
    ),
    ...eachWay(
      'flips a bit in the length of a record',
      broken,
      middle((record) => [flipBit(record, 2, 0)]),
    ),
    ...eachWay(
      'puts a byte into a record',
      broken,
      middle((record) => [Buffer.concat([record.slice(0, 40), Uint8Array.of(7), record.slice(40)])]),
    ),
    ...eachWay(
      'takes a byte out of a record',
      broken,
      middle((record) => [record.slice(0, -1)]),
    ),
    ...eachWay(
      'gives random bytes for a record',
      broken,
      middle((record) => [random(record.length)]),
    ),
    ...eachWay(
      'gives the length 0 for a record',
      broken,
      middle(() => [new Uint8Array(3)]),
    ),
    ...eachWay(
      'gives the length 16,777,215 for a record',
      broken,
      middle(() => [Uint8Array.of(255, 255, 255)]),
    ),
    ...eachWay(
      'delays a record by 2 seconds, and with it all that follow, among those',
      right,
      (sender, stage) => {
        let held: RawFrame[] | undefined;
        let isLate = false;
        return onData(sender, (frame) => {
          if (frame.data.length < 300 && held === undefined) return undefined;
          if (held === undefined) {
            held = [];
            stage.after(2_000, () => {
              isLate = true;
              for (const late of held ?? []) frame.link.toClient(late);
            });
          }
          if (isLate) return undefined;
          held.push(frame);
          return [];
        });
      },
      { onlyVirtual: true },
    ),
    ...eachWay('hands over one byte at a time', right, (sender) =>
      onData(sender, (frame) => {
        const bytes = [...frame.data].flatMap((byte) => dataFrames(frame.streamId, Uint8Array.of(byte)));
        return frame.isFin ? [...bytes, ...dataFrames(frame.streamId, new Uint8Array(0), true)] : bytes;
      }),
    ),
    ...eachWay(
      'ends the stream in order in the middle',
      cutOff,
      endWith((id) => dataFrames(id, new Uint8Array(0), true)),
    ),
    ...eachWay(
      'resets the stream in the middle',
      cutOff,
      endWith((id) => [resetFrame(id, ResetCode.CANCELLED)]),
      { onlyVirtual: true },
    ),
    ...eachWay(
      'resets the stream in the name of the mux (GONE) in the middle',
      cutOff,
      endWith((id) => [resetFrame(id, ResetCode.GONE)]),
      { onlyVirtual: true },
    ),
    ...eachWay(
      'resets the stream with a code that nobody knows in the middle',
      cutOff,
      endWith((id) => [resetFrame(id, 9_999)]),
      { onlyVirtual: true },
    ),
    ...eachWay(
      'hands over nothing more from the middle on',
      cutOff,
      endWith(() => []),
      { onlyVirtual: true },
    ),
    ...eachWay('cuts the link of the reader in the middle', cutOff, (sender) => {
      let bytes = 0;
      return onData(sender, (frame) => {
        bytes += frame.data.length;
        if (bytes > begun(sender)) frame.link.cut();
        return undefined;
      });
    }),
    linkCuts('dialer'),
    linkCuts('owner'),
    ...sweeps(
      'cuts the stream (FIN) after each single byte',
      {
        dialer: { dialer: truncated, owner: ['nothing', 'ERR_E2EE_TRUNCATED'] },
        owner: { dialer: truncated, owner: truncated },
      },
      (frame, at) => [...before(frame, at), ...dataFrames(frame.streamId, new Uint8Array(0), true)],
    ),
    ...sweeps(
      'cuts the stream (RESET) after each single byte',
      {
        dialer: { dialer: truncated, owner: ['nothing', 'ERR_E2EE_TRUNCATED'] },
        owner: { dialer: truncated, owner: truncated },
      },
      (frame, at) => [...before(frame, at), resetFrame(frame.streamId, ResetCode.GONE)],
    ),
    ...sweeps(
      'flips a bit in each single byte',
      {
        dialer: {
          dialer: ['ERR_E2EE_INTEGRITY', 'ERR_E2EE_TRUNCATED'],
          owner: ['nothing', 'ERR_E2EE_INTEGRITY', 'ERR_E2EE_TRUNCATED'],
        },
        owner: {
          dialer: ['ERR_E2EE_INTEGRITY', 'ERR_E2EE_TRUNCATED'],
          owner: ['ERR_E2EE_INTEGRITY', 'ERR_E2EE_TRUNCATED'],
        },
      },
      (frame, at, offset) => dataFrames(frame.streamId, flipBit(frame.data, at, offset % 8)),
    ),
    ...splices('dialer', {
      dialer: ['ERR_E2EE_INTEGRITY', 'ERR_E2EE_TRUNCATED'],
      owner: ['ERR_E2EE_INTEGRITY', 'ERR_E2EE_TRUNCATED'],
    }),
    ...splices('owner', {
      dialer: ['ERR_E2EE_INTEGRITY', 'ERR_E2EE_TRUNCATED'],
      owner: ['ERR_E2EE_INTEGRITY', 'ERR_E2EE_TRUNCATED'],
    }),
    {
      ...eachWay('reflects the records', broken, reflect)[0],
      ends: { dialer: integrity, owner: ['nothing'] },
    } as MatrixCase,
    {
      ...eachWay('reflects the records', broken, reflect)[1],
      ends: { dialer: truncated, owner: integrity },
      onlyVirtual: true,
    } as MatrixCase,
    ...(['dialer', 'owner'] as const).map(
      (sender): MatrixCase => ({
        attack: `gives no credit to the ${sender}`,
        ends: { dialer: truncated, owner: truncated },
        onlyVirtual: true,
        run: async (stage) => {
          stage.attack((frame) =>
            frame.type === FrameType.CREDIT && frame.way === 'down' && frame.link.isOwners === (sender === 'owner')
              ? []
              : undefined,
          );
          const sizes = sender === 'dialer' ? { bytes: 400_000 } : { answerBytes: 400_000 };
          await stage.attempt({ sizes });
        },
      }),
    ),
    ...eachWay('hands the first records over at once, with a bit flipped in the last of them,', broken, atOnce),
  ],
};
