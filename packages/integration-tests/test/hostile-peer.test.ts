import type { SecureConnection, SecureStream } from '@sealane/client';
import { parseKeycert } from '@sealane/crypto/credential';
import {
  DialerHandshake,
  encodeAbort,
  encodeFramesPrefix,
  parseAbort,
  parseFrames,
  type RecordOpener,
  RecordReader,
  type RecordSealer,
} from '@sealane/crypto/e2ee';
import { type Accept, encodeFrame, encodeOpenBody, encodeStreamOpen } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import {
  AbortCode,
  FrameFlag,
  FrameType,
  MessageKind,
  RecordType,
  type RecordType as RecordTypeNumber,
  type SealaneError,
} from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { HostileStage } from './support/hostile-stage.js';

const none = new Uint8Array(0);
const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const open = (stream: number, data: Uint8Array = none, flags = 0, label = ''): Uint8Array =>
  encodeFrame(
    FrameType.DATA,
    FrameFlag.OPEN | flags,
    stream,
    encodeOpenBody(encodeStreamOpen({ label, metadata: none }), data),
  );
const data = (stream: number, body: Uint8Array, flags = 0): Uint8Array =>
  encodeFrame(FrameType.DATA, flags, stream, body);

/** A dialer whom the owner lets in and who then seals whatever a test wants. */
class HostilePeer {
  readonly stage: HostileStage;
  readonly sealer: RecordSealer;
  readonly opener: RecordOpener;
  readonly opened: { readonly type: number; readonly body: Uint8Array }[] = [];
  connection!: SecureConnection;
  endedBy: SealaneError | 'close' | undefined;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #read: () => Uint8Array[];
  readonly #reader = new RecordReader(66_048);

  private constructor(
    stage: HostileStage,
    records: { sealer: RecordSealer; opener: RecordOpener },
    write: (bytes: Uint8Array) => void,
    read: () => Uint8Array[],
  ) {
    this.stage = stage;
    this.sealer = records.sealer;
    this.opener = records.opener;
    this.#write = write;
    this.#read = read;
  }

  static async create(): Promise<HostilePeer> {
    const stage = await HostileStage.create();
    const handshake = DialerHandshake.create({
      credential: stage.mallory,
      owner: parseKeycert(stage.ownerCredential.keycert),
      service: '',
      alpn: ['sealane/stream/1'],
      parameters: { maxRecordPlaintext: 66_048, initialWindow: 262_144, maxStreams: 1_024, features: 0 },
    });
    const { seen, stream } = stage.connect(handshake.connectionId, handshake.createMessage1());
    seen.keptBytes = Number.POSITIVE_INFINITY;
    await stage.pass(50);
    expect(seen.answer?.kind).toBe(MessageKind.ACCEPT);
    const { keys } = handshake.readMessage2((seen.answer as Accept).message2 ?? none);
    const records = { sealer: keys.createSealer(), opener: keys.createOpener(66_048) };
    const write = (bytes: Uint8Array): void => {
      stream.write(bytes);
      stage.hostile.flush();
    };
    return new HostilePeer(stage, records, write, () => seen.chunks.splice(0));
  }

  send(type: number, ...parts: Uint8Array[]): void {
    this.#write(this.sealer.seal(type as RecordTypeNumber, parts));
  }

  frames(...frames: Uint8Array[]): void {
    this.send(RecordType.FRAMES, encodeFramesPrefix(this.opener.nextNumber), ...frames);
  }

  async confirm(...frames: Uint8Array[]): Promise<void> {
    this.send(RecordType.CONFIRM, encodeFramesPrefix(0), ...frames);
    const next = this.stage.listener[Symbol.asyncIterator]().next();
    this.connection = (await this.stage.until(next)).value as SecureConnection;
    this.connection.closed.then(
      () => {
        this.endedBy = 'close';
      },
      (error: SealaneError) => {
        this.endedBy = error;
      },
    );
    await this.pass(50);
  }

  async stream(): Promise<SecureStream> {
    return (await this.stage.until(this.connection[Symbol.asyncIterator]().next())).value as SecureStream;
  }

  /** Lets time pass and opens what came. */
  async pass(ms = 300): Promise<void> {
    await this.stage.pass(ms);
    for (const chunk of this.#read()) {
      for (const ciphertext of this.#reader.push(chunk)) this.opened.push(this.opener.open(ciphertext));
    }
  }

  /** The owner gave the session up for this reason and told it. */
  async expectEnd(code: string, abort: AbortCode): Promise<void> {
    await this.pass();
    expect(this.endedBy).toMatchObject({ code });
    const last = this.opened.at(-1);
    expect(last?.type).toBe(RecordType.ABORT);
    expect(parseAbort(last?.body ?? none)).toBe(abort);
    await this.stage.pass(7_000);
    expect(this.stage.relay.statistics().sessions).toBe(0);
    await this.stage.expectServing();
  }
}

describe('a peer that breaks the rules inside its session', () => {
  const broken: readonly (readonly [string, (peer: HostilePeer) => void])[] = [
    ['acknowledges what was never sent', (peer) => peer.send(RecordType.FRAMES, encodeFramesPrefix(1_000))],
    ['uses an unknown type that is not to be ignored', (peer) => peer.send(33, none)],
    ['sends FRAMES without an ack', (peer) => peer.send(RecordType.FRAMES, new Uint8Array(7))],
    ['sends a CLOSE with a body', (peer) => peer.send(RecordType.CLOSE, new Uint8Array(1))],
    ['sends a frame that is cut', (peer) => peer.frames(data(1, new Uint8Array(9)).subarray(0, 15))],
    ['sends data on a stream that it never opened', (peer) => peer.frames(data(9, new Uint8Array(9)))],
    ['opens a stream of the other side', (peer) => peer.frames(open(2))],
    ['opens a stream twice', (peer) => peer.frames(open(1), open(1))],
    ['goes on after its FIN', (peer) => peer.frames(open(1, none, FrameFlag.FIN), data(1, new Uint8Array(1)))],
    ['sends a control message', (peer) => peer.frames(encodeFrame(FrameType.MESSAGE, 0, 0, new Uint8Array(5)))],
    ['names a label that is no text', (peer) => peer.frames(labelled(Uint8Array.of(2, 0xff, 0xfe)))],
    ['names a label that ends beyond its OPEN', (peer) => peer.frames(labelled(Uint8Array.of(60, 65)))],
    ['sends CLOSE twice', (peer) => [peer.send(RecordType.CLOSE), peer.send(RecordType.CLOSE)]],
    ['opens streams after CLOSE', (peer) => [peer.send(RecordType.CLOSE), peer.frames(open(1))]],
  ];

  it.each(broken)('and %s ends it with ERR_E2EE_PROTOCOL', async (_, attack) => {
    const peer = await HostilePeer.create();
    await peer.confirm();
    attack(peer);
    await peer.pass();
    expect(peer.endedBy).toMatchObject({ code: 'ERR_E2EE_PROTOCOL' });
    await peer.stage.pass(7_000);
    expect(peer.stage.relay.statistics().sessions).toBe(0);
    await peer.stage.expectServing();
  });

  it('and sends more than its credit is told so', async () => {
    const peer = await HostilePeer.create();
    await peer.confirm(open(1));
    for (let sent = 0; sent <= 262_144; sent += 60_000) {
      peer.frames(data(1, new Uint8Array(60_000)));
      await peer.pass(50);
    }
    await peer.expectEnd('ERR_E2EE_PROTOCOL', AbortCode.PROTOCOL);
  });

  it('and opens more streams than allowed, or than anybody takes, is refused those and no others', async () => {
    const peer = await HostilePeer.create();
    await peer.confirm();
    for (let first = 1; first < 2_400; first += 400) {
      peer.frames(...Array.from({ length: 200 }, (_, index) => open(first + 2 * index)));
      await peer.pass(50);
    }
    await peer.pass();
    const resets = peer.opened.reduce((sum, { type, body }) => {
      if (type !== RecordType.FRAMES) return sum;
      const { frames } = parseFrames(body);
      let count = 0;
      for (let at = 0; at < frames.length; ) {
        if (frames[at] === FrameType.RESET) count += 1;
        at += 9 + (((frames[at + 6] ?? 0) << 16) | ((frames[at + 7] ?? 0) << 8) | (frames[at + 8] ?? 0));
      }
      return sum + count;
    }, 0);
    expect(resets).toBe(1_200 - 1_024);
    expect(peer.connection.streamCount).toBe(1_024);
    expect(peer.endedBy).toBeUndefined();
  });

  it('and closes with bytes on their way leaves errors behind, never an end', async () => {
    const peer = await HostilePeer.create();
    await peer.confirm(open(1, Buffer.from('half')));
    const stream = await peer.stream();
    const reader = stream.readable.getReader();
    expect(Buffer.from((await peer.stage.until(reader.read())).value ?? none).toString()).toBe('half');
    const rest = reader.read();
    rest.catch(() => undefined);
    peer.send(RecordType.CLOSE);
    await peer.pass();
    await expect(rest).rejects.toMatchObject({ code: 'ERR_E2EE_CLOSED' });
    expect(peer.opened.map(({ type }) => type)).toContain(RecordType.CLOSE);
  });

  it('and aborts is believed about the reason', async () => {
    const peer = await HostilePeer.create();
    await peer.confirm(open(1));
    const stream = await peer.stream();
    peer.send(RecordType.ABORT, encodeAbort(AbortCode.DENIED));
    await peer.pass();
    expect(peer.endedBy).toMatchObject({ code: 'ERR_E2EE_DENIED' });
    await expect(stream.finished).rejects.toMatchObject({ code: 'ERR_E2EE_DENIED' });
  });

  it('and never acknowledges is given up in 10 s of silence, or 30 s of talk', async () => {
    for (const [talks, code, limitMs] of [
      [false, 'ERR_E2EE_TRUNCATED', 13_000],
      [true, 'ERR_E2EE_PEER_STALLED', 33_000],
    ] as const) {
      const peer = await HostilePeer.create();
      await peer.confirm(open(1));
      const stream = await peer.stream();
      stream.raw.write(new Uint8Array(100));
      for (let passed = 0; passed < limitMs; passed += 1_000) {
        if (talks && peer.endedBy === undefined) peer.send(RecordType.FRAMES, encodeFramesPrefix(0));
        await peer.pass(1_000);
      }
      expect(peer.endedBy).toMatchObject({ code });
    }
  });
});

describe('a peer that holds back what it owes', () => {
  it('no credit: what the owner writes waits under its bound, and the session lives', async () => {
    const peer = await HostilePeer.create();
    await peer.confirm(open(1));
    const stream = await peer.stream();
    const writer = stream.writable.getWriter();
    let written = 0;
    const write = (): Promise<void> =>
      writer.write(new Uint8Array(65_536)).then(() => {
        written += 65_536;
        return write();
      });
    write().catch(() => undefined);
    for (let passed = 0; passed < 20_000; passed += 500) {
      peer.frames();
      await peer.pass(500);
    }
    // One window went to the peer; what it does not take waits here, and the writer waits with it.
    expect(written).toBeLessThanOrEqual(262_144 + 2 * 262_144);
    expect(stream.queuedBytes).toBeLessThanOrEqual(262_144);
    expect(peer.endedBy).toBeUndefined();
  });

  it('acks, but one at a time: ends of streams that wait for theirs are bounded', async () => {
    const peer = await HostilePeer.create();
    await peer.confirm();
    void (async () => {
      for await (const stream of peer.connection) stream.raw.end();
    })();
    let id = 1;
    for (let step = 0; step < 1_000 && peer.endedBy === undefined; step++) {
      const opens = Array.from({ length: 50 }, () => {
        id += 2;
        return open(id - 2, none, FrameFlag.FIN);
      });
      // Ten records of the owner for one that is acknowledged: the ack never stands still for 30 s.
      peer.send(RecordType.FRAMES, encodeFramesPrefix(Math.floor(step / 10)), ...opens);
      await peer.pass(100);
    }
    expect(peer.endedBy).toMatchObject({ code: 'ERR_E2EE_PEER_STALLED' });
    expect(id / 2).toBeLessThan(8_192 + 3 * 500);
  });

  it('and opens and resets streams without end: the session ends, the owner serves', async () => {
    const peer = await HostilePeer.create();
    await peer.confirm();
    for (let id = 1; id < 400; id += 2) peer.frames(open(id), encodeFrame(FrameType.RESET, 0, id, Uint8Array.of(0, 1)));
    await peer.expectEnd('ERR_E2EE_PROTOCOL', AbortCode.PROTOCOL);
  });

  it('and opens a new session as soon as one is confirmed: 16 are open, the others are refused', async () => {
    const stage = await HostileStage.create();
    const dialer = await stage.client([], { credential: stage.mallory });
    const codes: unknown[] = [];
    for (let count = 0; count < 30; count++) {
      await stage.until(
        dialer.dial(stage.listener.address, { fresh: true }).then(
          () => codes.push('open'),
          (error: SealaneError) => codes.push(error.code),
        ),
      );
    }
    expect(codes).toEqual([...new Array(16).fill('open'), ...new Array(14).fill('ERR_E2EE_BUSY')]);
    await stage.expectServing();
  });
});

describe('what a peer may do', () => {
  it('records of later versions are ignored, and acknowledged like others', async () => {
    const peer = await HostilePeer.create();
    await peer.confirm();
    peer.send(64, Buffer.from('later'));
    await peer.pass(400);
    const last = peer.opened.at(-1);
    expect(parseFrames(last?.body ?? none).ack).toBe(2);
    expect(peer.endedBy).toBeUndefined();
  });

  it('new keys at any record, and padding, change nothing', async () => {
    const peer = await HostilePeer.create();
    await peer.confirm(open(1));
    const stream = await peer.stream();
    const reader = stream.readable.getReader();
    for (let round = 0; round < 5; round++) {
      peer.send(RecordType.REKEY);
      peer.send(RecordType.PAD, new Uint8Array(round));
      peer.frames(data(1, Uint8Array.of(round)));
      expect([...((await peer.stage.until(reader.read())).value ?? none)]).toEqual([round]);
    }
  });
});

describe('whatever else a peer seals', () => {
  it('20 sessions of random records end in an error or go on, and the owner serves', async () => {
    const random = seededRandom(21);
    for (let session = 0; session < 20; session++) {
      const peer = await HostilePeer.create();
      await peer.confirm(open(1), open(3));
      for (let record = 0; record < 15 && peer.endedBy === undefined; record++) {
        const kind = random.int(0, 5);
        if (kind === 0) peer.send(random.int(0, 127), random(random.int(0, 300)));
        else if (kind === 1) peer.frames(random(random.int(1, 300)));
        else {
          const frames = Array.from({ length: random.int(1, 6) }, () =>
            encodeFrame(random.int(0, 5) as never, random.int(0, 3), random.int(0, 8), random(random.int(0, 40))),
          );
          peer.frames(...frames);
        }
        await peer.pass(30);
      }
      await peer.stage.expectServing();
    }
  });
});

function labelled(body: Uint8Array): Uint8Array {
  return encodeFrame(FrameType.DATA, FrameFlag.OPEN, 1, join(Uint8Array.of(0, body.length), body));
}
