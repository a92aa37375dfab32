import { encodeFrame, encodeGoAway, encodeMessage, encodeOpen } from '@sealane/protocol';
import { FrameFlag, FrameType, MessageKind, OpenKind, RelayCode, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { CONNECTION_BYTES } from '../src/forwarding-handler.js';
import type { RelayServerOptions } from '../src/options.js';
import { createRelayInMemory } from './relay-in-memory.js';
import type { ScriptedClient, SeenStream } from './scripted-client.js';

async function setup(options: Partial<RelayServerOptions> = {}) {
  const harness = await createRelayInMemory(options);
  const { client: owner, credential, far: ownerFar } = await harness.owner();
  const { client: dialer, far: dialerFar } = await harness.connect();
  owner.register(harness.key);
  await harness.pass();
  return { ...harness, owner, ownerFar, ownerKey: credential.publicKey, dialer, dialerFar };
}

const rejection = (seen: SeenStream): number | undefined =>
  seen.answer?.kind === MessageKind.REJECT ? seen.answer.code : undefined;

/** An OPEN frame for a CONNECT to `owner`. */
function connectFrame(stream: number, owner: Uint8Array): Uint8Array {
  const connectionId = new Uint8Array(16);
  const open = encodeOpen({ kind: OpenKind.CONNECT, owner, service: '', connectionId, message1: null });
  return encodeFrame(FrameType.DATA, FrameFlag.OPEN, stream, Buffer.concat([Buffer.of(0, open.length), open]));
}

const accept = encodeMessage({ kind: MessageKind.ACCEPT, message2: null, resume: null });
const reject = encodeMessage({ kind: MessageKind.REJECT, code: 1, keycert: null, text: '' });
const onStream = (stream: number, body: Uint8Array): Uint8Array => encodeFrame(FrameType.MESSAGE, 0, stream, body);

async function expectMalformed(client: ScriptedClient, pass: (ms?: number) => Promise<void>): Promise<void> {
  await pass();
  await pass();
  expect([client.end?.code, client.errorCodes]).toEqual([1008, [RelayCode.MALFORMED]]);
}

const bombs: readonly (readonly [string, readonly number[]])[] = [
  ['an array of 2^32-1', [0xdd, 0xff, 0xff, 0xff, 0xff]],
  ['a map of 2^32-1', [0xdf, 0xff, 0xff, 0xff, 0xff]],
  ['arrays, deep', new Array<number>(8_000).fill(0x91)],
  ['maps, deep', new Array<number>(4_000).fill(0).flatMap(() => [0x81, 0x01])],
  ['a field of 2^32-1 bytes', [0x95, 0x01, 0x00, 0xc6, 0xff, 0xff, 0xff, 0xff]],
  ['a field that is an array of 2^32-1', [0x95, 0x01, 0x00, 0xdd, 0xff, 0xff, 0xff, 0xff]],
  ['fields of maps', [0x95, ...new Array<number>(5).fill(0xdf), 0xff, 0xff, 0xff, 0xff]],
];
const kinds = Object.entries(MessageKind);

describe('MessagePack bombs', () => {
  it.each(kinds)('in %s end the link with a code, at once', async (_name, kind) => {
    const harness = await createRelayInMemory();
    for (const [, body] of bombs) {
      const { client } = await harness.connect();
      const before = process.memoryUsage().heapTotal;
      client.sendRaw(encodeFrame(FrameType.MESSAGE, 0, 0, Uint8Array.of(kind, ...body)));
      await expectMalformed(client, harness.pass);
      expect(process.memoryUsage().heapTotal - before).toBeLessThan(64 << 20);
    }
    expect(harness.events.filter(({ type }) => type === 'fault')).toEqual([]);
  });

  it('in the lease inside a REGISTER are refused with LEASE_INVALID', async () => {
    const { owner, pass } = await setup({ limits: { requestsPerLinkPerSecond: 1_000 } });
    const requests = bombs.map(([, body]) => {
      const request = owner.nextRequest();
      const lease = Uint8Array.from(body).subarray(0, 5_000);
      owner.send({ kind: MessageKind.REGISTER, request, flags: 0, lease, signature: new Uint8Array(64) });
      return request;
    });
    await pass();
    const codes = requests.map((request) => {
      const answer = owner.answerTo(request);
      return answer?.kind === MessageKind.ERROR ? answer.code : answer?.kind;
    });
    expect(codes).toEqual(bombs.map(() => RelayCode.LEASE_INVALID));
  });
});

describe('a wrong ACCEPT or REJECT', () => {
  it.each([
    ['ACCEPT', accept],
    ['REJECT', reject],
  ])('%s from the dialer ends its link and lets the owner know', async (_name, body) => {
    const { relay, owner, ownerKey, dialer, pass } = await setup();
    const { stream } = dialer.connect(ownerKey);
    await pass();
    dialer.sendRaw(onStream(stream.id, body));
    await expectMalformed(dialer, pass);
    expect(owner.forwards[0]?.seen.resetCode).toBe(ResetCode.GONE);
    expect(relay.statistics()).toMatchObject({ waitingAccepts: 0, sessions: 0, links: 1 });
  });

  it.each([
    ['ACCEPT', accept],
    ['REJECT', reject],
  ])('a second answer, %s, ends the owner link and its session', async (_name, body) => {
    const { relay, owner, ownerKey, dialer, pass } = await setup();
    const { seen } = dialer.connect(ownerKey);
    await pass();
    owner.accept(0);
    await pass();
    owner.sendRaw(onStream(owner.forwards[0]?.stream.id ?? 0, body));
    await expectMalformed(owner, pass);
    expect(seen.resetCode).toBe(ResetCode.GONE);
    expect(relay.statistics()).toMatchObject({ sessions: 0, links: 1, budgetUsedBytes: 0 });
  });

  it('on a stream of somebody else does nothing to it: numbers belong to a link', async () => {
    const { connect, relay, owner, ownerKey, dialer, pass } = await setup();
    const { seen } = dialer.connect(ownerKey);
    await pass();
    const { client: foreign } = await connect();
    foreign.sendRaw(onStream(owner.forwards[0]?.stream.id ?? 0, accept));
    await expectMalformed(foreign, pass);
    expect([seen.answer, relay.statistics().waitingAccepts]).toEqual([undefined, 1]);
    owner.accept(0);
    await pass();
    expect(seen.answer?.kind).toBe(MessageKind.ACCEPT);
  });

  it('with codes of its own invention is passed on, and counted under one name', async () => {
    const { relay, owner, ownerKey, dialer, pass } = await setup();
    for (let index = 0; index < 50; index++) {
      const { seen } = dialer.connect(ownerKey);
      await pass();
      const stream = owner.forwards[index]?.stream ?? 0;
      owner.send({ kind: MessageKind.REJECT, code: 1_000 + index, keycert: null, text: 'x' }, stream);
      await pass();
      expect(rejection(seen)).toBe(1_000 + index);
    }
    expect(relay.statistics().refusals).toEqual({ UNKNOWN: 50 });
  });
});

describe('a dialer that sends before the answer', () => {
  it('loses its link one byte above its credit, and nothing stays behind', async () => {
    const { relay, ownerKey, dialer, pass } = await setup();
    dialer.sendRaw(connectFrame(1, ownerKey));
    for (let sent = 0; sent < 262_144; sent += 65_536) {
      dialer.sendRaw(encodeFrame(FrameType.DATA, 0, 1, new Uint8Array(65_536)));
    }
    await pass();
    expect([dialer.end, relay.statistics().budgetUsedBytes > 262_144]).toEqual([undefined, true]);
    dialer.sendRaw(encodeFrame(FrameType.DATA, 0, 1, new Uint8Array(1)));
    await expectMalformed(dialer, pass);
    expect(relay.statistics()).toMatchObject({ waitingAccepts: 0, budgetUsedBytes: 0 });
  });

  it('is delivered in order after ACCEPT, however small its pieces', async () => {
    const { relay, owner, ownerKey, dialer, pass } = await setup();
    dialer.sendRaw(connectFrame(1, ownerKey));
    const bytes = Uint8Array.from({ length: 20_000 }, (_, index) => index % 251);
    const frames = Array.from(bytes, (byte) => encodeFrame(FrameType.DATA, 0, 1, Uint8Array.of(byte)));
    dialer.sendRaw(Buffer.concat(frames));
    await pass();
    // Its own mux knows nothing of the stream.
    dialer.isAlive = false;
    const seen = owner.accept(0);
    const received: Uint8Array[] = [];
    seen.onData = (chunk) => {
      received.push(chunk.slice());
      seen.stream?.consume(chunk.length);
    };
    for (let count = 0; count < 10; count++) await pass();
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
    expect(relay.statistics().budgetUsedBytes).toBe(CONNECTION_BYTES);
  });
});

describe('floods', () => {
  it('of CONNECT above the rate are answered with BUSY, and then end the link', async () => {
    const { relay, ownerKey, dialer, pass, owner } = await setup({
      // Where others wait it is less often (floods.test.ts).
      limits: { connectsPerIdentityPerSecond: 10, connectCpuShare: 1 },
    });
    const flood = async (batches: number): Promise<void> => {
      for (let batch = 0; batch < batches; batch++) {
        for (let count = 0; count < 100; count++) dialer.connect(ownerKey);
        await pass();
      }
      await pass();
    };
    await flood(20);
    expect(dialer.end).toBeUndefined();
    await flood(2);
    expect(dialer.errorCodes).toEqual([RelayCode.LIMIT]);
    expect(relay.statistics().refusals['BUSY']).toBeGreaterThanOrEqual(2_000);
    expect(relay.statistics()).toMatchObject({ refusals: { LIMIT: 1 }, waitingAccepts: 0 });
    expect(owner.end).toBeUndefined();
  });

  it('of LOOKUP above the rate the same', async () => {
    const { dialer, pass } = await setup();
    for (let count = 0; count < 2_300; count++) {
      dialer.send({ kind: MessageKind.LOOKUP, request: dialer.nextRequest(), name: 'x', id: null, service: '' });
      if (count % 50 === 49) await pass();
    }
    await pass();
    expect(dialer.errorCodes.filter((code) => code === RelayCode.LIMIT)).toEqual([RelayCode.LIMIT]);
  });

  it('of opened and reset requests end the link, and wake the owner no more often than that', async () => {
    const { owner, ownerKey, dialer, pass } = await setup({ limits: { waitingAcceptsPerLease: 1_000 } });
    const reset = (stream: number): Uint8Array => encodeFrame(FrameType.RESET, 0, stream, Uint8Array.of(0, 1));
    for (let stream = 1; stream < 400; stream += 2) {
      dialer.sendRaw(connectFrame(stream, ownerKey));
      dialer.sendRaw(reset(stream));
    }
    await expectMalformed(dialer, pass);
    await pass(1_000);
    expect(owner.forwards.length).toBeLessThanOrEqual(101);
    expect(owner.end).toBeUndefined();
  });

  it('of PING cost one PONG, and of GOAWAY the link', async () => {
    const { dialer, dialerFar, pass } = await setup();
    const before = dialerFar.sentBytes;
    const ping = encodeFrame(FrameType.PING, 0, 0, new Uint8Array(8));
    dialer.sendRaw(Buffer.concat(new Array<Uint8Array>(10_000).fill(ping)));
    await pass();
    expect(dialerFar.sentBytes - before).toBeLessThan(100);
    const goAway = encodeGoAway({ lastStream: 0xffff_ffff, code: 1, retryAfterMs: 0, url: '' });
    dialer.sendRaw(Buffer.concat(new Array<Uint8Array>(1_000).fill(encodeFrame(FrameType.GOAWAY, 0, 0, goAway))));
    await expectMalformed(dialer, pass);
  });

  it('of registrations do not starve others: one link has only so many checked at a time', async () => {
    const { relay, key, owner, pass } = await setup({ limits: { requestsPerLinkPerSecond: 10_000 } });
    for (let sequence = 2; sequence < 300; sequence++) owner.register(key, { sequence });
    await pass();
    expect(owner.end).toBeUndefined();
    const answered = owner.messages.filter(
      ({ kind }) => kind === MessageKind.REGISTERED || kind === MessageKind.ERROR,
    ).length;
    expect(answered).toBe(299);
    expect(relay.statistics().leases).toBe(1);
  });
});

describe('when everything is over', () => {
  it('nothing is held: no budget, stream, session, place or timer', async () => {
    const { relay, clock, connect, key, owner, ownerKey, dialer, pass } = await setup();
    const streams = Array.from({ length: 40 }, () => dialer.connect(ownerKey));
    await pass();
    for (let index = 0; index < 40; index++) {
      const seen = index % 4 === 3 ? undefined : owner.accept(index);
      if (seen !== undefined) seen.reads = index % 2 === 0;
    }
    await pass();
    for (const [index, { stream }] of streams.entries()) {
      stream.write(new Uint8Array(100_000));
      if (index % 3 === 0) stream.end();
      if (index % 5 === 0) stream.reset(ResetCode.CANCELLED);
    }
    dialer.flush();
    for (const [index, { seen }] of owner.forwards.entries()) {
      if (index % 4 === 3) continue;
      seen.stream?.write(new Uint8Array(50_000));
      if (index % 3 === 0) seen.stream?.end();
      if (index % 7 === 0) seen.stream?.reset(ResetCode.DENIED);
    }
    owner.flush();
    await pass();
    expect(relay.statistics().budgetUsedBytes).toBeGreaterThan(0);
    const { client: third } = await connect({ signer: owner.signer });
    third.register(key, { sequence: 2 });
    await pass();
    for (const client of [owner, dialer, third]) client.link.abort();
    await pass(400_000);
    expect(relay.statistics()).toMatchObject({
      links: 0,
      leases: 0,
      sessions: 0,
      waitingAccepts: 0,
      budgetUsedBytes: 0,
    });
    await relay.close();
    expect(clock.pending).toBe(0);
  });
});
