import { Credential } from '@sealane/crypto/credential';
import { encodeOpen } from '@sealane/protocol';
import { MessageKind, OpenKind, RelayCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { Reporter } from '../src/refusals.js';
import { createRelayInMemory } from './relay-in-memory.js';
import { SeenStream } from './scripted-client.js';

/** That of every scripted CONNECT. */
const CONNECTION = '09'.repeat(16);

async function setup() {
  const harness = await createRelayInMemory();
  const { client: owner, credential } = await harness.owner();
  const { client: dialer } = await harness.connect();
  owner.register(harness.key);
  await harness.pass();
  return { ...harness, owner, dialer, ownerKey: credential.publicKey };
}

describe('what a relay counts', () => {
  it('measures requests from their CONNECT to the answer, by how they ended, and handshakes that came with them', async () => {
    const { relay, owner, dialer, ownerKey, pass } = await setup();
    dialer.connect(ownerKey, '', new Uint8Array(100));
    await pass();
    await pass(40);
    owner.accept(0, new Uint8Array(100));
    await pass();
    dialer.connect(ownerKey);
    await pass();
    const forward = owner.forwards[1];
    if (forward === undefined) throw new Error('nothing was forwarded');
    owner.send({ kind: MessageKind.REJECT, code: RelayCode.BUSY, keycert: null, text: '' }, forward.stream);
    await pass();
    dialer.connect(ownerKey);
    await pass(12_000);
    const { connectSeconds, forwardSeconds, handshakeSeconds, connects } = relay.metrics();
    expect(connects).toBe(3);
    expect(forwardSeconds).toMatchObject({ count: 3, sum: 0 });
    expect([connectSeconds.accepted.count, connectSeconds.refused.count, connectSeconds.failed.count]).toEqual([
      1, 1, 1,
    ]);
    expect(connectSeconds.accepted.sum).toBeGreaterThanOrEqual(0.04);
    expect(connectSeconds.accepted.sum).toBeLessThan(0.05);
    expect(connectSeconds.failed.sum).toBeGreaterThanOrEqual(10);
    expect(handshakeSeconds).toMatchObject({ count: 1, sum: connectSeconds.accepted.sum });
  });

  it('measures a handshake that follows on the stream, once, and forwards it unchanged', async () => {
    const { relay, owner, dialer, ownerKey, pass } = await setup();
    const { seen, stream } = dialer.connect(ownerKey);
    await pass();
    const ownerSeen = owner.accept(0);
    await pass();
    const say = async (text: string): Promise<void> => {
      stream.write(Buffer.from(text));
      dialer.flush();
      await pass();
      await pass();
    };
    const answer = async (text: string): Promise<void> => {
      ownerSeen.stream?.write(Buffer.from(text));
      owner.flush();
      await pass();
      await pass();
    };
    await say('message 1');
    await pass(20);
    expect(relay.metrics().handshakeSeconds.count).toBe(0);
    await answer('message 2');
    await pass(500);
    await say(', record');
    await answer(', record');
    expect([ownerSeen.text, seen.text]).toEqual(['message 1, record', 'message 2, record']);
    const { handshakeSeconds, bytesToOwners, bytesToDialers, relayedBytes } = relay.metrics();
    expect(handshakeSeconds.count).toBe(1);
    expect(handshakeSeconds.sum).toBeGreaterThanOrEqual(0.02);
    expect(handshakeSeconds.sum).toBeLessThan(0.03);
    expect([bytesToOwners, bytesToDialers, relayedBytes]).toEqual([17, 17, 34]);
  });

  it('tells the connection id of a session and of a refusal, and the resume id of a path, as the two ends know them', async () => {
    const { owner, dialer, ownerKey, events, pass } = await setup();
    dialer.connect(ownerKey);
    await pass();
    owner.accept(0);
    await pass();
    const facts = { connection: CONNECTION, session: 1 };
    expect(events).toContainEqual(expect.objectContaining({ type: 'session-open', ...facts }));
    dialer.connect((await Credential.create()).publicKey);
    dialer.mux.openStream(
      encodeOpen({
        kind: OpenKind.RESUME,
        owner: ownerKey,
        service: '',
        instance: new Uint8Array(16).fill(3),
        resumeId: new Uint8Array(16).fill(0xab),
        pathNumber: 1,
        sealed: new Uint8Array(34),
      }),
      new SeenStream(),
    );
    dialer.flush();
    await pass(6_000);
    await pass();
    expect(events).toContainEqual({ type: 'refused', code: 'NO_OWNER', where: 'connect', connection: CONNECTION });
    expect(events).toContainEqual({ type: 'refused', code: 'NO_SESSION', where: 'connect', resume: 'ab'.repeat(16) });
    dialer.link.abort();
    await pass();
    await pass();
    expect(events).toContainEqual(expect.objectContaining({ type: 'session-close', ...facts }));
  });

  it('counts events, requests and refusals, and says how full and how far it is', async () => {
    const { relay, dialer, ownerKey, pass } = await setup();
    dialer.connect(ownerKey, 'nowhere');
    await pass();
    expect(relay.metrics()).toMatchObject({
      links: 2,
      events: { 'link-open': 2, lease: 1, refused: 1 },
      requests: { register: 1, lookup: 0 },
      refusalsByStage: [{ code: 'NO_OWNER', where: 'connect', count: 1 }],
      trackedIdentities: 2,
      isDraining: false,
      isOverBudget: false,
    });
    relay.setLimits({ memoryBudgetBytes: 8 << 20 });
    expect(relay.metrics()).toMatchObject({ budgetLimitBytes: 8 << 20, socketBytesLimit: 4 << 20 });
    const draining = relay.drain({ deadlineMs: 0 });
    expect(relay.metrics().isDraining).toBe(true);
    await pass();
    await draining;
  });

  it('keeps a bounded number of names, whoever makes them up', () => {
    const reporter = new Reporter(undefined);
    for (let index = 0; index < 1_000; index++) reporter.refused(`E${index}`, 'socket');
    const counts = reporter.refusalsByStage;
    expect(counts).toHaveLength(201);
    expect(counts.at(-1)).toEqual({ code: 'OTHER', where: 'socket', count: 800 });
  });
});
