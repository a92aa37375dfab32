import {
  type Attack,
  flipBit,
  HostileRelay,
  messageFrame,
  onData,
  onForward,
  onMessage,
  onRecords,
  resetFrame,
  type Sender,
} from '@sealane/hostile-relay';
import { collect, exchange, SeededVerifier, seededChunks, startServer, stopAllProcesses } from '@sealane/testkit';
import { MessageKind, RelayCode, ResetCode } from '@sealane/types';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ThreeProcesses } from './three-processes.js';

const seed = 91;
const totalBytes = 1_000_000;
/** Of some twenty records in each direction. */
const MIDDLE = 8;

let relay: HostileRelay;
let backend: Awaited<ReturnType<typeof startServer>>;
let three: ThreeProcesses;
/** The same programs, whose sessions end with their paths. */
let unresumed: ThreeProcesses;
const ends: { readonly bytes: number; readonly end: string }[] = [];
let wrong: unknown;

/** `sealane expose` and `sealane connect` as processes, at a relay that lies. */
beforeAll(async () => {
  backend = await startServer((socket) => {
    const verifier = new SeededVerifier(seed, totalBytes);
    void collect(socket, (chunk) => {
      try {
        verifier.push(chunk);
      } catch (error) {
        wrong ??= error;
      }
      if (!socket.write(chunk)) {
        socket.pause();
        socket.once('drain', () => socket.resume());
      }
    }).then(({ bytes, end }) => {
      ends.push({ bytes, end });
      if (end === 'fin') socket.end();
      else socket.destroy();
    });
  });
  relay = await HostileRelay.create();
  const port = Number(new URL(await relay.listen()).port);
  const hostile = (): number => port;
  const ports = { dialerRelayPort: hostile, ownerRelayPort: hostile };
  three = await ThreeProcesses.start(`127.0.0.1:${backend.port}`, ports);
  unresumed = await ThreeProcesses.start(`127.0.0.1:${backend.port}`, { ...ports, cliOptions: ['--resume', '0'] });
});

afterAll(async () => {
  await stopAllProcesses();
  await relay.close();
  await backend.close();
});

/** True when everything came back and ended in order; wrong bytes and an early end in order throw. */
async function attempt(programs: ThreeProcesses): Promise<boolean> {
  const verifier = new SeededVerifier(seed, totalBytes);
  const received = await exchange(programs.target, seededChunks(seed, totalBytes), {
    onData: (chunk) => verifier.push(chunk),
  }).catch((error: unknown) => {
    if (error instanceof Error && /^byte|^more bytes/.test(error.message)) throw error;
    return { bytes: verifier.receivedBytes, end: 'reset' as const };
  });
  if (received.end === 'fin') expect(received.bytes).toBe(totalBytes);
  return received.end === 'fin';
}

/** Attacks that act once on the records of one side; `hit` is called when they did. */
const onSender: readonly (readonly [string, (sender: Sender, hit: () => void) => Attack])[] = [
  ['flips a bit in a record', (sender, hit) => once(sender, hit, (record) => [flipBit(record, 900, 1)])],
  ['drops a record', (sender, hit) => once(sender, hit, () => [])],
  ['repeats a record', (sender, hit) => once(sender, hit, (record) => [record, record])],
  [
    'resets a stream',
    (sender, hit) => {
      let bytes = 0;
      return onData(sender, (frame) => {
        bytes += frame.data.length;
        if (bytes < 300_000) return undefined;
        bytes = Number.NEGATIVE_INFINITY;
        hit();
        return [resetFrame(frame.streamId, ResetCode.GONE)];
      });
    },
  ],
  [
    'says REJECT in the middle',
    (sender, hit) => {
      let bytes = 0;
      return onData(sender, (frame) => {
        bytes += frame.data.length;
        if (bytes < 300_000) return undefined;
        bytes = Number.NEGATIVE_INFINITY;
        hit();
        const reject = { kind: MessageKind.REJECT, code: RelayCode.DENIED, keycert: null, text: 'no' } as const;
        return [frame, messageFrame(frame.streamId, reject)];
      });
    },
  ],
];

function once(sender: Sender, hit: () => void, act: (record: Uint8Array) => readonly Uint8Array[]): Attack {
  let isDone = false;
  return onRecords(sender, (record, index) => {
    if (isDone || index < MIDDLE || record.length < 1_000) return undefined;
    isDone = true;
    hit();
    return act(record);
  });
}

/** Attacks on what comes before a session, once. */
const onDial: readonly (readonly [string, (hit: () => void) => Attack])[] = [
  [
    'changes message 2',
    (hit) =>
      onMessage(MessageKind.ACCEPT, (accept, { way }) => {
        if (way === 'up' || accept.message2 === null) return undefined;
        hit();
        return [{ ...accept, message2: flipBit(accept.message2, 700) }];
      }),
  ],
  [
    'changes message 1',
    (hit) =>
      onForward((request) => {
        if (request.message1 === null) return undefined;
        hit();
        return { ...request, message1: flipBit(request.message1, 700) };
      }),
  ],
  [
    'refuses with BUSY',
    (hit) =>
      onMessage(MessageKind.ACCEPT, (_, { way }) => {
        if (way === 'up') return undefined;
        hit();
        return [{ kind: MessageKind.REJECT, code: RelayCode.BUSY, keycert: null, text: '' }];
      }),
  ],
];

/** Plays one attack until it hit; then, without it, everything must work again in the same processes. */
async function play(programs: ThreeProcesses, create: (hit: () => void) => Attack): Promise<void> {
  ends.length = 0;
  let hits = 0;
  // Each acts once.
  relay.attacks = [
    create(() => {
      hits += 1;
      queueMicrotask(() => {
        relay.attacks = [];
      });
    }),
  ];
  await expect
    .poll(
      async () => {
        await attempt(programs);
        return hits;
      },
      { timeout: 30_000 },
    )
    .toBeGreaterThan(0);
  relay.attacks = [];
  await expect.poll(() => attempt(programs), { timeout: 30_000 }).toBe(true);
  expect(wrong).toBeUndefined();
  for (const { bytes, end } of ends) if (end === 'fin') expect(bytes).toBe(totalBytes);
  for (const process of programs.processes) expect(process.hasExited).toBe(false);
}

// Where the dialer's records go nowhere any more, it is told after ten seconds of silence: played in virtual time.
const cases = onSender.flatMap(([words, create]) =>
  (words.includes('record') ? (['dialer', 'owner'] as const) : (['owner'] as const)).map(
    (sender) => [words, sender, create] as const,
  ),
);

test.each(cases)(
  'a relay that %s of the %s brings programs no wrong byte and no false end, and they go on',
  async (_, sender, create) => {
    await expect.poll(() => attempt(three), { timeout: 30_000 }).toBe(true);
    await play(three, (hit) => create(sender, hit));
  },
);

test.each(onDial)(
  'a relay that %s brings programs no wrong byte and no false end, and they go on',
  async (_, create) => {
    // A session that ends with its path is of no use any more, so that there must be another one.
    for (const link of relay.dialerLinks) link.cut();
    await play(unresumed, create);
  },
);
