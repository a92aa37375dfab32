import { Credential } from '@sealane/crypto/credential';
import { encodeFrame } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { FRAME_HEADER_BYTES, FrameType, MessageKind, RelayCode } from '@sealane/types';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRelayInMemory, type RelayInMemory } from './relay-in-memory.js';
import { listenRelay, openRaw, upgradeRequest } from './relay-on-socket.js';

const message = (...body: number[]): Uint8Array => encodeFrame(FrameType.MESSAGE, 0, 0, new Uint8Array(body));

/** A frame whose header promises `length` bytes and brings `body`. */
function lyingFrame(type: number, stream: number, length: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  frame.set([type, 0, stream >>> 24, stream >>> 16, stream >>> 8, stream, length >>> 16, length >>> 8, length]);
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}

const poisons: readonly (readonly [string, Uint8Array])[] = [
  ['an empty message', new Uint8Array(0)],
  ['half a header', new Uint8Array([0, 0, 0, 0])],
  ['a length of 0 for DATA', encodeFrame(FrameType.DATA, 0, 1, new Uint8Array(0))],
  ['a length of 0xFFFFFF', lyingFrame(FrameType.DATA, 1, 0xffffff, new Uint8Array(16))],
  ['a stream of 0xFFFFFFFF that was never opened', encodeFrame(FrameType.DATA, 0, 0xffffffff, new Uint8Array(1))],
  ['more DATA than a frame may hold', lyingFrame(FrameType.DATA, 1, 70_000, new Uint8Array(70_000))],
  ['an unknown frame type', lyingFrame(63, 1, 0, new Uint8Array(0))],
  ['reserved flags', new Uint8Array([0, 0xff, 0, 0, 0, 1, 0, 0, 1, 1])],
  ['a stream of the wrong parity', encodeFrame(FrameType.DATA, 1, 2, new Uint8Array([0, 1, 1]))],
  ['credit for a stream that was never opened', encodeFrame(FrameType.CREDIT, 0, 77, new Uint8Array(4).fill(255))],
  ['an OPEN longer than its frame', encodeFrame(FrameType.DATA, 1, 1, new Uint8Array([0xff, 0xff, 1]))],
  ['an OPEN without fields', encodeFrame(FrameType.DATA, 1, 1, new Uint8Array([0, 2, 1, 0x90]))],
  ['an unknown kind of OPEN', encodeFrame(FrameType.DATA, 1, 1, new Uint8Array([0, 2, 9, 0x90]))],
  ['a message without a kind', encodeFrame(FrameType.MESSAGE, 0, 0, new Uint8Array(0))],
  ['a message of an unknown kind', message(200, 0x90)],
  ['a message without its fields', message(MessageKind.REGISTER, 0x90)],
  ['a map where an array belongs', message(MessageKind.LOOKUP, 0x80)],
  ['an array of 2^32-1 elements', message(MessageKind.LOOKUP, 0xdd, 0xff, 0xff, 0xff, 0xff)],
  ['a map of 2^32-1 pairs', message(MessageKind.LOOKUP, 0xdf, 0xff, 0xff, 0xff, 0xff)],
  ['a binary of 2^32-1 bytes', message(MessageKind.LOOKUP, 0x94, 0xc6, 0xff, 0xff, 0xff, 0xff)],
  ['arrays in arrays, 8,000 deep', message(MessageKind.LOOKUP, ...new Array<number>(8_000).fill(0x91))],
  ['an extension type', message(MessageKind.LOOKUP, 0x94, 0xd4, 0xff, 0x00)],
  ['a message of more than 8 KiB', message(MessageKind.LOOKUP, ...new Array<number>(8_192).fill(0))],
  ['bytes after a message', message(MessageKind.RENEW, 0x93, 1, 0xa0, 1, 0, 0)],
  [
    'an ACCEPT that nobody asked for',
    encodeFrame(FrameType.MESSAGE, 0, 99, new Uint8Array([MessageKind.ACCEPT, 0x92, 0xc0, 0xc0])),
  ],
];

async function stillServes(harness: RelayInMemory): Promise<boolean> {
  const { client } = await harness.owner();
  const request = client.register(harness.key);
  await harness.pass();
  return client.answerTo(request)?.kind === MessageKind.REGISTERED;
}

describe('a hostile client after its authentication', () => {
  it.each(poisons)('loses its link with a code for %s', async (_what, poison) => {
    const harness = await createRelayInMemory();
    const { client } = await harness.connect();
    client.sendRaw(poison);
    await harness.pass();
    await harness.pass();
    expect(client.end?.code).toBe(1008);
    expect(client.errorCodes).toEqual([RelayCode.MALFORMED]);
    expect(harness.relay.statistics().refusals).toEqual({ MALFORMED: 1 });
    expect(await stillServes(harness)).toBe(true);
  });

  it('never ends the relay, whatever bytes it sends', async () => {
    const harness = await createRelayInMemory();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), async (messages) => {
        const { client, link } = await harness.connect();
        for (const bytes of messages) client.sendRaw(bytes);
        await harness.pass();
        link.abort();
        await harness.pass();
      }),
      { numRuns: 300, seed: 7 },
    );
    expect(await stillServes(harness)).toBe(true);
    expect(harness.events.filter(({ type }) => type === 'fault')).toEqual([]);
    expect(harness.relay.statistics()).toMatchObject({ links: 1, sessions: 0, budgetUsedBytes: 0 });
  });

  it('never ends the relay with frames that are almost right', async () => {
    const harness = await createRelayInMemory();
    const random = seededRandom(11);
    const good = poisons.map(([, bytes]) => bytes).filter((bytes) => bytes.length > 8);
    for (let round = 0; round < 400; round++) {
      const { client, link } = await harness.connect();
      const bytes = good[round % good.length]?.slice() ?? new Uint8Array(0);
      for (const at of random(3)) bytes[at % Math.min(bytes.length, 40)] = random(1)[0] ?? 0;
      client.sendRaw(round % 2 === 0 ? bytes : bytes.subarray(0, bytes.length >> 1));
      await harness.pass();
      link.abort();
      await harness.pass();
    }
    expect(await stillServes(harness)).toBe(true);
    expect(harness.events.filter(({ type }) => type === 'fault')).toEqual([]);
    expect(harness.relay.statistics()).toMatchObject({ links: 1, sessions: 0, budgetUsedBytes: 0 });
  });

  it('is cut off when it makes the relay answer and does not read', async () => {
    const { relay, owner, pass, connect } = await createRelayInMemory({
      limits: { requestsPerLinkPerSecond: 1_000_000, requestsPerIdentityPerSecond: 0 },
    });
    await owner();
    const { client, far } = await connect();
    far.pause();
    for (let i = 0; i < 40_000; i++) {
      client.send({ kind: MessageKind.LOOKUP, request: client.nextRequest(), name: 'nobody', id: null, service: '' });
    }
    for (let i = 0; i < 20; i++) await pass();
    // Its queue of 256 KiB and 64 KiB of control are full: that is all that it gets.
    expect(relay.statistics().links).toBe(1);
    expect(relay.statistics().refusals['MALFORMED']).toBe(1);
  });
});

describe('a hostile operator hook', () => {
  it('cannot end a link or the relay', async () => {
    const harness = await createRelayInMemory({
      onEvent: () => {
        throw new Error('EPIPE');
      },
    });
    expect(await stillServes(harness)).toBe(true);
    expect(harness.relay.statistics().refusals['LOG_FAILED']).toBeGreaterThan(0);
  });
});

describe('strangers on real sockets', () => {
  it('may hold hundreds of half-open sockets: of too many some go, and the relay serves on', async () => {
    const { relay, connect, port, key } = await listenRelay({ limits: { maxUnauthenticated: 100 } });
    const starts = ['', 'GET / HTTP/1.1\r\nHost: x\r\n', upgradeRequest(), 'NONSENSE\0\0\0'];
    const sockets = await Promise.all(Array.from({ length: 400 }, () => openRaw('127.0.0.1', port)));
    for (const [index, { socket }] of sockets.entries()) socket.write(starts[index % starts.length] ?? '');
    await expect.poll(() => relay.statistics().unauthenticated).toBeLessThanOrEqual(100);
    const client = await connect({ signer: await Credential.create() });
    const request = client.register(key);
    await client.until(() => client.answerTo(request) !== undefined, 'registered');
    expect(client.answerTo(request)?.kind).toBe(MessageKind.REGISTERED);
    expect(relay.statistics().refusals['UNAUTHENTICATED']).toBeGreaterThanOrEqual(200);
  });

  it('lose their socket when they send more than one AUTH needs before they are known', async () => {
    const { relay, raw } = await listenRelay();
    const { socket, text, closed } = await raw();
    socket.write(upgradeRequest());
    await expect.poll(() => text()).toContain('101 Switching Protocols');
    // The header of a message of 200,000 bytes, masked, and then its bytes: never whole.
    socket.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 3, 0x0d, 0x40, 0, 0, 0, 0]));
    for (let i = 0; i < 20; i++) socket.write(Buffer.alloc(1_000));
    await closed;
    expect(relay.statistics().refusals).toEqual({ EARLY_BYTES: 1 });
  });

  it('cannot hurt with request targets that are no URL', async () => {
    const { raw, connect } = await listenRelay();
    for (const target of ['//', 'http://[', '*', '/%', '//[::1', '?', '\\\\']) {
      const { socket, text, closed } = await raw();
      socket.write(upgradeRequest().replace('GET / ', `GET ${target} `));
      await closed;
      expect(text()).toMatch(/^HTTP\/1.1 40[04] /);
    }
    expect((await connect()).isUp).toBe(true);
  });

  it('lose their socket for a WebSocket message above the limit, and for text', async () => {
    const { raw } = await listenRelay();
    for (const header of [
      [0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
      [0x81, 0x80, 0, 0, 0, 0],
    ]) {
      const { socket, text, closed } = await raw();
      socket.write(upgradeRequest());
      await expect.poll(() => text()).toContain('101 Switching Protocols');
      socket.end(Buffer.from(header));
      await closed;
    }
  });
});
