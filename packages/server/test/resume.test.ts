import { encodeOpen } from '@sealane/protocol';
import { LeaseFlag, LinkFeature, MessageKind, OpenKind, RelayCode, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import type { RelayServerOptions } from '../src/options.js';
import { createRelayInMemory } from './relay-in-memory.js';
import { type ScriptedClient, SeenStream } from './scripted-client.js';

const instance = new Uint8Array(16).fill(1);
const otherInstance = new Uint8Array(16).fill(2);
const resume = { pathNumber: 1, sealed: new Uint8Array(34).fill(5) };

/** After its first seconds, in which a relay expects everybody back. */
async function setup(options: Partial<RelayServerOptions> = {}) {
  const harness = await createRelayInMemory(options);
  await harness.pass(6_000);
  const { client: owner, far: ownerFar, credential } = await harness.owner();
  const { client: dialer } = await harness.connect();
  owner.register(harness.key);
  await harness.pass();
  return { ...harness, owner, ownerFar, credential, ownerKey: credential.publicKey, dialer };
}

function ask(dialer: ScriptedClient, owner: Uint8Array, wanted: Uint8Array = instance) {
  const seen = new SeenStream();
  const request = { kind: OpenKind.RESUME, owner, service: '', instance: wanted, ...resume } as const;
  const stream = dialer.mux.openStream(encodeOpen({ ...request, resumeId: new Uint8Array(16).fill(4) }), seen);
  seen.stream = stream;
  dialer.flush();
  return { seen, stream };
}

const rejection = ({ answer }: SeenStream): number | undefined =>
  answer?.kind === MessageKind.REJECT ? answer.code : undefined;
const isHeld = ({ answer }: SeenStream): boolean => answer?.kind === MessageKind.HELD;

describe('RESUME at a relay', () => {
  it('reaches the process that it names, and joins both streams when that accepts', async () => {
    const { owner, ownerKey, dialer, pass, relay } = await setup();
    const { seen, stream } = ask(dialer, ownerKey);
    await pass();
    const forward = owner.forwards[0];
    expect(forward?.request).toMatchObject({ kind: OpenKind.RESUME, dialer: null, instance, ...resume });
    const answer = { kind: MessageKind.ACCEPT, message2: null, resume: { ...resume, sealed: new Uint8Array(34) } };
    owner.send(answer, forward!.stream);
    await pass();
    expect(seen.answer).toEqual(answer);
    stream.write(Uint8Array.of(1, 2, 3));
    dialer.flush();
    await pass();
    expect(forward?.seen.bytes).toBe(3);
    expect(relay.statistics().sessions).toBe(1);
  });

  it('is refused with NO_SESSION for a process that nobody has heard of, while another one holds the lease', async () => {
    const { ownerKey, dialer, pass, owner } = await setup();
    const { seen } = ask(dialer, ownerKey, otherInstance);
    await pass();
    expect([rejection(seen), owner.forwards.length]).toEqual([RelayCode.NO_SESSION, 0]);
  });

  it('is held for a process whose link ended just now, and forwarded when it is back', async () => {
    const { owner, ownerFar, credential, ownerKey, dialer, pass, key, connect, relay } = await setup();
    ownerFar.abort('gone');
    await pass();
    expect(owner.end).toBeDefined();
    const { seen } = ask(dialer, ownerKey);
    await pass();
    expect(isHeld(seen)).toBe(true);
    const { client: back } = await connect({ signer: credential });
    back.register(key, { sequence: 2 });
    await pass();
    expect(back.forwards[0]?.request).toMatchObject({ kind: OpenKind.RESUME, instance });
    expect(relay.statistics().waitingAccepts).toBe(1);
  });

  it('is held by a relay that has just started, and refused when the owner has not come within 5 s', async () => {
    const { connect, pass, relay } = await createRelayInMemory();
    const { client: dialer } = await connect();
    const { seen } = ask(dialer, new Uint8Array(32).fill(9));
    await pass(3_000);
    expect(isHeld(seen)).toBe(true);
    const used = relay.statistics().budgetUsedBytes;
    await pass(4_000);
    expect(rejection(seen)).toBe(RelayCode.NO_SESSION);
    expect(relay.statistics().budgetUsedBytes).toBeLessThan(used);
    await pass(2_000);
    const later = ask(dialer, new Uint8Array(32).fill(9));
    await pass();
    expect(rejection(later.seen)).toBe(RelayCode.NO_SESSION);
  });

  it('leaves nothing behind when the dialer gives it up', async () => {
    const { ownerFar, credential, ownerKey, dialer, pass, key, connect, relay } = await setup();
    const before = relay.statistics().budgetUsedBytes;
    ownerFar.abort('gone');
    await pass();
    const { stream } = ask(dialer, ownerKey);
    await pass();
    stream.reset(ResetCode.CANCELLED);
    dialer.flush();
    await pass();
    expect(relay.statistics().budgetUsedBytes).toBeLessThanOrEqual(before);
    const { client: back } = await connect({ signer: credential });
    back.register(key, { sequence: 2 });
    await pass();
    expect(back.forwards).toEqual([]);
  });

  it('is served by a relay that drains, as CONNECT is not', async () => {
    const { owner, ownerKey, dialer, pass, relay } = await setup();
    const draining = relay.drain({ deadlineMs: 1_000 });
    await pass();
    const { seen } = dialer.connect(ownerKey);
    ask(dialer, ownerKey);
    await pass();
    expect(rejection(seen)).toBe(RelayCode.DRAINING);
    expect(owner.forwards.map(({ request }) => request.kind)).toEqual([OpenKind.RESUME]);
    await pass(2_000);
    await draining;
  });

  it.each([
    ['CONNECT by the answer to a RESUME', false, { message2: null, resume }],
    ['RESUME by the answer to a CONNECT', true, { message2: new Uint8Array(9), resume: null }],
    ['RESUME by nothing', true, { message2: null, resume: null }],
  ])('ends the link of an owner that answers a %s', async (_, isResume, answer) => {
    const { owner, ownerKey, dialer, pass } = await setup();
    if (isResume) ask(dialer, ownerKey);
    else dialer.connect(ownerKey);
    await pass();
    owner.send({ kind: MessageKind.ACCEPT, ...answer }, owner.forwards[0]!.stream);
    await pass();
    await pass();
    expect(owner.errorCodes).toEqual([RelayCode.MALFORMED]);
  });

  it('is held 256 times for one link and 4,096 times for all, and each of them costs memory that is counted', async () => {
    const { connect, pass, relay } = await createRelayInMemory({
      limits: { newSocketsPerAddressPerSecond: 1_000, connectCpuShare: 1 },
    });
    const flood = async (count: number): Promise<SeenStream[]> => {
      const { client: dialer } = await connect();
      const asked = Array.from({ length: count }, (_, at) => ask(dialer, new Uint8Array(32).fill(at)).seen);
      await pass();
      return asked;
    };
    const before = relay.statistics().budgetUsedBytes;
    const greedy = await flood(300);
    expect(greedy.filter(isHeld)).toHaveLength(256);
    expect(greedy.filter((seen) => rejection(seen) === RelayCode.BUSY)).toHaveLength(44);
    for (let link = 1; link < 16; link++) expect((await flood(256)).filter(isHeld)).toHaveLength(256);
    expect(relay.statistics().budgetUsedBytes).toBeGreaterThan(before);
    const [late] = await flood(1);
    expect(rejection(late!)).toBe(RelayCode.BUSY);
    await pass(7_000);
    expect(greedy.filter((seen) => rejection(seen) !== undefined)).toHaveLength(300);
  });

  it('that leads nowhere is counted as a CONNECT, and above the rate it is refused as BUSY', async () => {
    const { dialer, pass, relay } = await setup({ limits: { connectsPerIdentityPerSecond: 20 } });
    const asked = Array.from({ length: 60 }, () => ask(dialer, new Uint8Array(32).fill(9)).seen);
    await pass();
    const codes = asked.map(rejection);
    expect(codes.slice(0, 20)).toEqual(new Array(20).fill(RelayCode.NO_SESSION));
    expect(codes.slice(20).every((code) => code === RelayCode.BUSY || code === undefined)).toBe(true);
    expect(codes.filter((code) => code === RelayCode.BUSY).length).toBeGreaterThan(0);
    expect(relay.statistics().waitingAccepts).toBe(0);
  });

  it('is never held where the feature is not offered', async () => {
    const { connect, pass } = await createRelayInMemory({ features: LinkFeature.LIST });
    const { client: dialer } = await connect();
    const { seen } = ask(dialer, new Uint8Array(32).fill(9));
    await pass();
    expect(rejection(seen)).toBe(RelayCode.NO_SESSION);
  });
});

describe('a lease for resuming alone', () => {
  it('is found by its instance, beside a lease of another process, and by nothing else', async () => {
    const { owner, credential, ownerKey, dialer, pass, key, connect, relay } = await setup();
    const { client: former } = await connect({ signer: credential });
    const request = former.register(key, { instance: otherInstance, sequence: 7, flags: LeaseFlag.RESUME_ONLY });
    await pass();
    expect(former.answerTo(request)).toMatchObject({ kind: MessageKind.REGISTERED, sequence: 7, name: null });
    expect(relay.statistics()).toMatchObject({ leases: 1, names: 0 });
    ask(dialer, ownerKey, otherInstance);
    dialer.connect(ownerKey);
    await pass();
    expect(former.forwards.map(({ request: { kind } }) => kind)).toEqual([OpenKind.RESUME]);
    expect(owner.forwards.map(({ request: { kind } }) => kind)).toEqual([OpenKind.CONNECT]);
    expect(owner.messages.some(({ kind }) => kind === MessageKind.SUPERSEDED)).toBe(false);
  });

  it('is renewed, runs out and is released like any other', async () => {
    const { credential, ownerKey, dialer, pass, key, connect } = await setup();
    const { client: former } = await connect({ signer: credential });
    const lease = { instance: otherInstance, sequence: 7, ttlMs: 10_000, flags: LeaseFlag.RESUME_ONLY };
    former.register(key, lease);
    await pass(8_000);
    former.send({ kind: MessageKind.RENEW, request: former.nextRequest(), service: '', sequence: 7 });
    await pass(8_000);
    ask(dialer, ownerKey, otherInstance);
    await pass();
    expect(former.forwards).toHaveLength(1);
    former.send({ kind: MessageKind.RELEASE, request: former.nextRequest(), service: '', sequence: 7 });
    await pass();
    expect(former.errorCodes).toEqual([]);
    const released = ask(dialer, ownerKey, otherInstance);
    former.register(key, { ...lease, sequence: 8 });
    await pass(12_000);
    const expired = ask(dialer, ownerKey, otherInstance);
    await pass();
    expect([rejection(released.seen), rejection(expired.seen)]).toEqual([RelayCode.NO_SESSION, RelayCode.NO_SESSION]);
  });

  it('is taken under a higher sequence number alone, and 16 of a link at most', async () => {
    const { credential, pass, key, connect } = await setup();
    const { client: former } = await connect({ signer: credential });
    const register = (fill: number, sequence: number): number =>
      former.register(key, { instance: new Uint8Array(16).fill(fill), sequence, flags: LeaseFlag.RESUME_ONLY });
    register(3, 5);
    await pass();
    const stale = register(3, 5);
    await pass();
    expect(former.answerTo(stale)).toMatchObject({ code: RelayCode.LEASE_STALE, value: 5 });
    for (let fill = 4; fill < 19; fill++) {
      register(fill, 1);
      await pass();
    }
    const beyond = register(19, 1);
    await pass();
    expect(former.errorCodes).toEqual([RelayCode.LEASE_STALE, RelayCode.LIMIT]);
    expect(former.answerTo(beyond)).toMatchObject({ code: RelayCode.LIMIT });
  });
});
