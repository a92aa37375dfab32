import { Credential } from '@sealane/crypto/credential';
import { encodeOpen } from '@sealane/protocol';
import { MessageKind, OpenKind, RelayCode, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { CONNECTION_BYTES } from '../src/forwarding-handler.js';
import type { RelayServerOptions } from '../src/options.js';
import { createRelayInMemory, type RelayInMemory } from './relay-in-memory.js';
import { REFUSED, type ScriptedClient, SeenStream } from './scripted-client.js';

async function setup(options: Partial<RelayServerOptions> = {}) {
  const harness: RelayInMemory = await createRelayInMemory(options);
  const owner = await harness.owner();
  const { client: dialer, link: dialerLink } = await harness.connect();
  owner.client.register(harness.key);
  await harness.pass();
  return {
    ...harness,
    owner: owner.client,
    ownerFar: owner.far,
    ownerKey: owner.credential.publicKey,
    dialer,
    dialerLink,
  };
}

const rejection = (seen: SeenStream): number | undefined =>
  seen.answer?.kind === MessageKind.REJECT ? seen.answer.code : undefined;

async function joined(options: Partial<RelayServerOptions> = {}) {
  const parts = await setup(options);
  const { seen, stream } = parts.dialer.connect(parts.ownerKey);
  await parts.pass();
  const ownerSeen = parts.owner.accept(0);
  await parts.pass();
  const ownerStream = ownerSeen.stream;
  if (ownerStream === undefined) throw new Error('no stream');
  return { ...parts, seen, stream, ownerSeen, ownerStream };
}

describe('requests for a connection', () => {
  it("forwards message 1 without the dialer's key, and message 2 back", async () => {
    const { owner, ownerKey, dialer, pass, relay } = await setup();
    const message1 = new Uint8Array(1_500).fill(0xa1);
    const message2 = new Uint8Array(1_200).fill(0xb2);
    const { seen } = dialer.connect(ownerKey, '', message1);
    await pass();
    expect(owner.forwards[0]?.request).toMatchObject({
      kind: OpenKind.CONNECT,
      dialer: null,
      service: '',
      connectionId: new Uint8Array(16).fill(9),
    });
    expect(owner.forwards[0]?.request).toHaveProperty('message1', message1);
    expect(relay.statistics()).toMatchObject({ waitingAccepts: 1, sessions: 0 });
    owner.accept(0, message2);
    await pass();
    expect(seen.answer).toEqual({ kind: MessageKind.ACCEPT, message2, resume: null });
    expect(relay.statistics()).toMatchObject({ waitingAccepts: 0, sessions: 1 });
  });

  it("passes an owner's REJECT on with its keycert", async () => {
    const { owner, ownerKey, dialer, pass, relay } = await setup();
    const { seen } = dialer.connect(ownerKey);
    await pass();
    const { keycert } = await Credential.create();
    const forward = owner.forwards[0];
    if (forward === undefined) throw new Error('nothing was forwarded');
    owner.send({ kind: MessageKind.REJECT, code: RelayCode.KEYCERT, keycert, text: 'rotated' }, forward.stream);
    await pass();
    expect(seen.answer).toEqual({ kind: MessageKind.REJECT, code: RelayCode.KEYCERT, keycert, text: 'rotated' });
    expect(seen.resetCode).toBe(REFUSED);
    expect(relay.statistics()).toMatchObject({ waitingAccepts: 0, sessions: 0, refusals: { KEYCERT: 1 } });
  });

  it('answers NO_OWNER where nobody holds the service', async () => {
    const { ownerKey, dialer, pass } = await setup();
    const [other, nobody] = [dialer.connect(ownerKey, 'other'), dialer.connect(new Uint8Array(32).fill(5))];
    await pass();
    expect([rejection(other.seen), rejection(nobody.seen)]).toEqual([RelayCode.NO_OWNER, RelayCode.NO_OWNER]);
  });

  it('answers TIMEOUT when the owner is silent for 10 s', async () => {
    const { owner, ownerKey, dialer, pass } = await setup();
    const { seen } = dialer.connect(ownerKey);
    await pass(9_000);
    expect(seen.answer).toBeUndefined();
    await pass(2_100);
    expect(rejection(seen)).toBe(RelayCode.TIMEOUT);
    expect(owner.forwards[0]?.seen.resetCode).toBe(ResetCode.TIMEOUT);
  });

  it("answers NO_OWNER when the owner's link ends first", async () => {
    const { owner, ownerKey, dialer, pass, relay } = await setup();
    const { seen } = dialer.connect(ownerKey);
    await pass();
    owner.link.abort();
    await pass();
    await pass();
    expect(rejection(seen)).toBe(RelayCode.NO_OWNER);
    expect(relay.statistics()).toMatchObject({ waitingAccepts: 0, sessions: 0 });
  });

  it('withdraws the request when the dialer gives up', async () => {
    const { owner, ownerKey, dialer, pass, relay } = await setup();
    const { stream } = dialer.connect(ownerKey);
    await pass();
    stream.reset(ResetCode.CANCELLED);
    dialer.flush();
    await pass();
    await pass();
    expect(owner.forwards[0]?.seen.resetCode).toBe(ResetCode.CANCELLED);
    expect(relay.statistics()).toMatchObject({ waitingAccepts: 0, sessions: 0 });
  });

  it("answers BUSY beyond the waiting requests of a lease, and at the owner's stream limit", async () => {
    const { ownerKey, dialer, pass } = await setup({ limits: { waitingAcceptsPerLease: 3 } });
    const asked = Array.from({ length: 5 }, () => dialer.connect(ownerKey).seen);
    await pass();
    expect(asked.map(rejection)).toEqual([undefined, undefined, undefined, RelayCode.BUSY, RelayCode.BUSY]);
    const small = await createRelayInMemory();
    const owner = await small.owner({ maxStreams: 1 });
    owner.client.register(small.key);
    const { client } = await small.connect();
    await small.pass();
    const [one, two] = [client.connect(owner.credential.publicKey), client.connect(owner.credential.publicKey)];
    await small.pass();
    expect([rejection(one.seen), rejection(two.seen)]).toEqual([undefined, RelayCode.BUSY]);
  });

  it('frees the place of a waiting request also when its owner has registered again meanwhile', async () => {
    const { key, owner, ownerKey, dialer, pass } = await setup({ limits: { waitingAcceptsPerLease: 1 } });
    for (let round = 0; round < 5; round++) {
      const { seen } = dialer.connect(ownerKey);
      await pass();
      owner.register(key, { sequence: 10 + round });
      await pass();
      owner.accept(round);
      await pass();
      expect(seen.answer?.kind).toBe(MessageKind.ACCEPT);
    }
  });

  it('answers BUSY above the rate of one dialer and of one lease', async () => {
    for (const limit of ['connectsPerIdentityPerSecond', 'connectsPerLeasePerSecond'] as const) {
      const { ownerKey, dialer, pass } = await setup({ limits: { [limit]: 2 } });
      const asked = Array.from({ length: 3 }, () => dialer.connect(ownerKey).seen);
      await pass();
      expect(asked.map(rejection)).toEqual([undefined, undefined, RelayCode.BUSY]);
      await pass(1_000);
      const { seen } = dialer.connect(ownerKey);
      await pass();
      expect(rejection(seen)).toBeUndefined();
    }
  });

  it('answers LIMIT beyond the sessions of an identity, and counts those that ended no more', async () => {
    const { owner, ownerKey, dialer, pass } = await setup({ limits: { sessionsPerIdentity: 1 } });
    const first = dialer.connect(ownerKey);
    await pass();
    owner.accept(0);
    await pass();
    const second = dialer.connect(ownerKey);
    await pass();
    expect(rejection(second.seen)).toBe(RelayCode.LIMIT);
    first.stream.reset(ResetCode.CANCELLED);
    dialer.flush();
    await pass();
    const third = dialer.connect(ownerKey);
    await pass();
    expect(rejection(third.seen)).toBeUndefined();
  });

  it('refuses a RESUME for a process that nobody has heard of with NO_SESSION', async () => {
    const { ownerKey, dialer, pass } = await setup();
    // In its first seconds a relay waits for owners that may be on their way back.
    await pass(6_000);
    const seen = new SeenStream();
    const resume = {
      kind: OpenKind.RESUME,
      owner: ownerKey,
      service: '',
      instance: new Uint8Array(16),
      resumeId: new Uint8Array(16),
      pathNumber: 1,
      sealed: new Uint8Array(34),
    };
    dialer.mux.openStream(encodeOpen(resume), seen);
    dialer.flush();
    await pass();
    expect(rejection(seen)).toBe(RelayCode.NO_SESSION);
  });

  it('ends the link of a client whose OPEN cannot be read', async () => {
    const { dialer, pass } = await setup();
    dialer.mux.openStream(new Uint8Array([1, 0xc1]), new SeenStream());
    dialer.flush();
    await pass();
    await pass();
    expect(dialer.errorCodes).toEqual([RelayCode.MALFORMED]);
    expect(dialer.end?.code).toBe(1008);
  });

  it('answers DRAINING while the relay stops, and lets sessions end', async () => {
    const { relay, ownerKey, owner, dialer, pass, stream, ownerSeen } = await joined();
    let drained = false;
    const draining = relay.drain({ deadlineMs: 5_000 }).then(() => {
      drained = true;
    });
    await pass();
    const { seen } = dialer.connect(ownerKey);
    stream.write(new Uint8Array([1]));
    dialer.flush();
    await pass();
    expect(rejection(seen)).toBe(RelayCode.DRAINING);
    expect([ownerSeen.bytes, drained]).toEqual([1, false]);
    stream.reset(ResetCode.CANCELLED);
    dialer.flush();
    await pass();
    await draining;
    expect([owner.isUp, drained]).toEqual([true, true]);
  });

  it('counts a session until what its sides said before their end has left', async () => {
    const { relay, stream, ownerStream, ownerSeen, dialer, owner, pass } = await joined();
    ownerSeen.reads = false;
    stream.write(new Uint8Array(400_000));
    stream.end();
    ownerStream.end();
    dialer.flush();
    owner.flush();
    await pass();
    await pass();
    expect([relay.statistics().sessions, ownerSeen.fin]).toEqual([1, false]);
    ownerSeen.reads = true;
    ownerStream.consume(ownerSeen.bytes);
    owner.flush();
    for (let count = 0; count < 5; count++) await pass();
    expect([ownerSeen.bytes, ownerSeen.fin]).toEqual([400_000, true]);
    expect(relay.statistics()).toMatchObject({ sessions: 0, budgetUsedBytes: 0 });
  });

  it('waits for sessions no longer than it may', async () => {
    const { relay, pass } = await joined();
    const draining = relay.drain({ deadlineMs: 5_000 });
    await pass(5_000);
    await expect(draining).resolves.toBeUndefined();
  });
});

describe('forwarding', () => {
  it('carries bytes both ways, in order, and half-closes each way on its own', async () => {
    const { dialer, owner, pass, seen, stream, ownerSeen, ownerStream, relay } = await joined();
    stream.write(Buffer.from('to the '));
    stream.write(Buffer.from('owner'));
    stream.end();
    dialer.flush();
    await pass();
    expect([ownerSeen.text, ownerSeen.fin, seen.fin]).toEqual(['to the owner', true, false]);
    ownerStream.write(Buffer.from('and back'));
    ownerStream.end();
    owner.flush();
    await pass();
    expect([seen.text, seen.fin]).toEqual(['and back', true]);
    await pass();
    expect(relay.statistics()).toMatchObject({ sessions: 0, relayedBytes: 20, budgetUsedBytes: 0 });
  });

  it('passes a RESET on with its code, and frees the session', async () => {
    const { dialer, pass, stream, ownerSeen, relay } = await joined();
    stream.reset(ResetCode.TRUNCATED);
    dialer.flush();
    await pass();
    await pass();
    expect(ownerSeen.resetCode).toBe(ResetCode.TRUNCATED);
    expect(relay.statistics().sessions).toBe(0);
  });

  it('resets the other side when a link ends', async () => {
    const { owner, pass, seen, relay } = await joined();
    owner.link.abort();
    await pass();
    await pass();
    expect(seen.resetCode).toBe(ResetCode.GONE);
    expect(relay.statistics().sessions).toBe(0);
  });

  it('stops the sender within its window when the receiver does not read, and goes on when it does', async () => {
    const { dialer, pass, stream, ownerSeen, ownerStream, relay } = await joined();
    ownerSeen.reads = false;
    const total = 4 << 20;
    for (let sent = 0; sent < total; sent += 65_536) stream.write(new Uint8Array(65_536));
    dialer.flush();
    for (let i = 0; i < 50; i++) await pass();
    // One window at the receiver, one at the relay; the rest never left the sender.
    expect(ownerSeen.bytes).toBe(262_144);
    expect(stream.queuedBytes).toBeGreaterThanOrEqual(total - 2 * 262_144);
    expect(relay.statistics().budgetUsedBytes).toBeLessThan(262_144 + 8 * 128 + 1 + CONNECTION_BYTES);
    ownerSeen.reads = true;
    ownerStream.consume(ownerSeen.bytes);
    for (let i = 0; i < 200; i++) await pass();
    expect(ownerSeen.bytes).toBe(total);
    expect(relay.statistics().budgetUsedBytes).toBe(CONNECTION_BYTES);
  });

  it('holds at most its queue for a link that takes no bytes, and ends it after 3 s', async () => {
    const { ownerFar, dialer, pass, stream, seen, relay } = await joined();
    ownerFar.pause();
    for (let i = 0; i < 64; i++) stream.write(new Uint8Array(65_536));
    dialer.flush();
    for (let i = 0; i < 20; i++) await pass();
    expect(relay.statistics().budgetUsedBytes).toBeLessThan(600_000);
    await pass(4_100);
    await pass();
    expect(seen.resetCode).toBe(ResetCode.GONE);
    expect(relay.statistics()).toMatchObject({ sessions: 0, budgetUsedBytes: 0 });
  });

  it('holds what a dialer sends before the answer, bounded by its credit, and delivers it after', async () => {
    const { owner, ownerKey, dialer, pass } = await setup();
    const { stream } = dialer.connect(ownerKey);
    for (let i = 0; i < 16; i++) stream.write(new Uint8Array(65_536));
    stream.end();
    dialer.flush();
    for (let i = 0; i < 10; i++) await pass();
    expect(owner.forwards[0]?.seen.bytes).toBe(0);
    expect(stream.queuedBytes).toBe(16 * 65_536 - 262_144);
    const seen = owner.accept(0);
    for (let i = 0; i < 100; i++) await pass();
    expect([seen.bytes, seen.fin]).toEqual([16 * 65_536, true]);
  });

  it('ends what the same instance had accepted on its old link when it takes its lease over', async () => {
    const { key, owner, seen, ownerSeen, pass, connect, relay } = await joined();
    const { client: fresh } = await connect({ signer: owner.signer });
    fresh.register(key, { sequence: 2 });
    await pass();
    await pass();
    expect([seen.resetCode, ownerSeen.resetCode]).toEqual([ResetCode.GONE, ResetCode.GONE]);
    expect(relay.statistics().sessions).toBe(0);
  });

  it('leaves sessions alone when another instance takes the lease over', async () => {
    const { key, owner, seen, stream, dialer, ownerSeen, pass, connect } = await joined();
    const { client: fresh } = await connect({ signer: owner.signer });
    fresh.register(key, { sequence: 2, instance: new Uint8Array(16).fill(2) }, { flags: 1 });
    await pass();
    stream.write(Buffer.from('still here'));
    dialer.flush();
    await pass();
    expect([seen.resetCode, ownerSeen.text]).toEqual([undefined, 'still here']);
  });

  it('refuses new connections when its memory budget is used, and serves again when it is free', async () => {
    const { relay, ownerKey, owner, dialer, pass, stream, ownerSeen, ownerStream, connect } = await joined({
      limits: { memoryBudgetBytes: 250_000 },
    });
    ownerSeen.reads = false;
    for (let i = 0; i < 32; i++) stream.write(new Uint8Array(65_536));
    dialer.flush();
    for (let i = 0; i < 20; i++) await pass();
    const { client: second } = await connect();
    const { seen } = second.connect(ownerKey);
    await pass();
    await pass();
    expect(rejection(seen) ?? seen.resetCode).toBe(seen.answer === undefined ? ResetCode.BUSY : RelayCode.BUSY);
    ownerSeen.reads = true;
    ownerStream.consume(ownerSeen.bytes);
    for (let i = 0; i < 100; i++) await pass();
    const { seen: again } = second.connect(ownerKey);
    await pass();
    expect(again.answer).toBeUndefined();
    expect(owner.forwards).toHaveLength(2);
    // One session, and one request that waits.
    const used = relay.statistics().budgetUsedBytes - 2 * CONNECTION_BYTES;
    expect([used > 0, used < 200]).toEqual([true, true]);
    owner.accept(1);
    for (const open of [stream, again.stream]) open?.reset(ResetCode.CANCELLED);
    for (let count = 0; count < 3; count++) {
      dialer.flush();
      second.flush();
      await pass();
    }
    expect(relay.statistics()).toMatchObject({ sessions: 0, budgetUsedBytes: 0 });
  });
});

describe('links that stand still', () => {
  const alive = (client: ScriptedClient): boolean => client.end === undefined;

  it('pings a silent client, keeps it while it answers, and ends it 10 s after it stopped', async () => {
    const { relay, connect, pass } = await createRelayInMemory();
    const [{ client: good }, { client: dead }] = [await connect(), await connect()];
    dead.isAlive = false;
    for (let i = 0; i < 13; i++) await pass(1_000);
    expect([alive(good), alive(dead)]).toEqual([true, false]);
    for (let i = 0; i < 60; i++) await pass(1_000);
    expect(alive(good)).toBe(true);
    expect(relay.statistics()).toMatchObject({ links: 1, refusals: { LINK_DEAD: 1 } });
  });
});
