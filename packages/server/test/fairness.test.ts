import { encodeFrame } from '@sealane/protocol';
import { FrameType, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { bytesOf, type Dialer, FairnessStage, readTurn, type Turn } from './fairness-stage.js';
import type { ScriptedClient } from './scripted-client.js';

/** What a relay takes from its streams at once, and what a control frame or a message before it may add. */
const TURN_BYTES = 66_624;
const WINDOW_BYTES = 262_144;
const QUEUE_BYTES = 262_144;
/** The owner's link takes one turn in a millisecond. */
const OWNER_BYTES_PER_MS = TURN_BYTES;

const STORMERS = 10;

const chunk = new Uint8Array(65_536);

/** As many bytes as credit allows, from now on. */
function atFullSpeed(stage: FairnessStage, dialer: Dialer): void {
  const fill = (): void => {
    for (const { stream } of dialer.sessions) while (stream.queuedBytes < 2 * chunk.length) stream.write(chunk);
    dialer.client.flush();
    stage.harness.clock.schedule(0.5, fill);
  };
  fill();
}

async function honestDialers(stage: FairnessStage, count: number): Promise<Dialer[]> {
  const dialers: Dialer[] = [];
  for (let index = 0; index < count; index++) dialers.push(await stage.dialer(1));
  return dialers;
}

/**
 * Again and again each dialer says 64 bytes while `meanwhile` goes on. Expects them within the next two turns' bytes of
 * the owner's link, each time, and never more in its socket than a full queue: what was taken before cannot be overtaken.
 */
async function expectNextTurn(
  stage: FairnessStage,
  honest: readonly Dialer[],
  meanwhile: () => void | Promise<void>,
  rounds = 20,
): Promise<void> {
  const ids = honest.map(({ sessions }) => sessions[0]?.ownerStream.id);
  const before = honest.map(({ sessions }) => sessions[0]?.ownerSeen.bytes ?? -1);
  for (let round = 0; round < rounds; round++) {
    await meanwhile();
    await stage.pass(5);
    expect(stage.ownerFar.queuedBytes).toBeLessThan(QUEUE_BYTES + TURN_BYTES);
    const from = stage.turns.length;
    for (const { client, sessions } of honest) {
      sessions[0]?.stream.write(new Uint8Array(64));
      client.flush();
    }
    for (let ms = 0; ms < 10; ms++) await stage.pass(1);
    const said = new Set<number | undefined>();
    let bytes = 0;
    for (const turn of stage.turns.slice(from)) {
      if (bytes >= 2 * TURN_BYTES) break;
      bytes += turn.bytes;
      for (const { streamId, bytes: length } of turn.data) if (length === 64) said.add(streamId);
    }
    expect(ids.filter((id) => !said.has(id))).toEqual([]);
  }
  await stage.pass(50);
  const received = honest.map(({ sessions }, index) => (sessions[0]?.ownerSeen.bytes ?? 0) - (before[index] ?? 0));
  expect(received).toEqual(honest.map(() => rounds * 64));
}

/** What a link gave away in these turns. */
function sumOf(turns: FairnessStage['turns']): number {
  return turns.reduce((sum, { bytes }) => sum + bytes, 0);
}

describe('one client at full speed beside 100 others', () => {
  it.each([1, 200])('that has %i sessions: what the others say is in the next turn of the owner', async (sessions) => {
    const stage = await FairnessStage.create(OWNER_BYTES_PER_MS);
    const greedy = await stage.dialer(sessions);
    const honest = await honestDialers(stage, 100);
    atFullSpeed(stage, greedy);
    await stage.pass(20);
    const from = stage.turns.length;
    await expectNextTurn(stage, honest, () => undefined);
    // They were in one another's way: the owner's link never had a rest.
    expect(stage.sentBytes(greedy, from)).toBeGreaterThan(sumOf(stage.turns.slice(from)) * 0.9);
    expect(sumOf(stage.turns.slice(from))).toBeGreaterThan(20 * 15 * OWNER_BYTES_PER_MS * 0.9);
  });

  it('gets the same bytes as each of them where all have much to send, whatever its sessions, and these the same', async () => {
    const stage = await FairnessStage.create(OWNER_BYTES_PER_MS);
    const greedy = await stage.dialer(100);
    const others = await honestDialers(stage, 20);
    const all = [greedy, ...others];
    for (const dialer of all) atFullSpeed(stage, dialer);
    await stage.pass(20);
    const from = stage.turns.length;
    await stage.pass(300);
    const bytes = all.map((dialer) => stage.sentBytes(dialer, from));
    expect(Math.min(...bytes)).toBeGreaterThan(10 * TURN_BYTES);
    expect(Math.max(...bytes) - Math.min(...bytes)).toBeLessThan(3 * TURN_BYTES);
    const sessions = greedy.sessions.map((session) => stage.sessionBytes(session, from));
    expect(Math.max(...sessions) - Math.min(...sessions)).toBeLessThan(2 * TURN_BYTES);
  });

  it('holds one window of the relay for each of its sessions', async () => {
    const stage = await FairnessStage.create(1_000);
    const greedy = await stage.dialer(40);
    atFullSpeed(stage, greedy);
    await stage.pass(50);
    const { budgetUsedBytes } = stage.harness.relay.statistics();
    // A window in frames of 64 KiB, each with its overhead, and 4 KiB for a session.
    expect(budgetUsedBytes).toBeLessThanOrEqual(40 * (WINDOW_BYTES + 8 * 128 + 4_096));
  });
});

describe('one owner at full speed beside 20 others', () => {
  it('gets the same bytes of the link of a dialer that has sessions with all of them, whatever their number', async () => {
    const stage = await FairnessStage.create(1 << 24);
    const { harness } = stage;
    const turns: Turn[] = [];
    const dialer = await stage.dialer(
      50,
      { maxStreams: 5_000 },
      { bytesPerMs: TURN_BYTES, tap: { onSend: (message) => turns.push(readTurn(message)) } },
    );
    const groups = [dialer.sessions.map(({ stream, ownerStream }) => ({ id: stream.id, source: ownerStream }))];
    const sources = [stage.owner];
    for (let count = 0; count < 20; count++) {
      const { client, credential } = await harness.owner();
      client.register(harness.key);
      await stage.pass(5);
      const { stream } = dialer.client.connect(credential.publicKey);
      await stage.pass(5);
      const source = client.accept(0).stream;
      await stage.pass(5);
      if (source === undefined) throw new Error('no stream');
      groups.push([{ id: stream.id, source }]);
      sources.push(client);
    }
    for (let ms = 0; ms < 300; ms++) {
      for (const [index, group] of groups.entries()) {
        for (const { source } of group) while (source.queuedBytes < 4 * chunk.length) source.write(chunk);
        sources[index]?.flush();
      }
      await stage.pass(1);
      // Until all of them have begun.
      if (ms === 20) turns.length = 0;
    }
    const bytes = groups.map((group) => {
      const ids = new Set(group.map(({ id }) => id));
      return turns.reduce((sum, { data }) => sum + bytesOf(data, ids), 0);
    });
    expect(Math.min(...bytes)).toBeGreaterThan(10 * TURN_BYTES);
    expect(Math.max(...bytes) - Math.min(...bytes)).toBeLessThan(3 * TURN_BYTES);
  });
});

describe('readers that never read', () => {
  it('are one of 1,000 sessions: it holds one window, and each other one gets all its bytes', async () => {
    const stage = await FairnessStage.create(1 << 20);
    const dialer = await stage.dialer(1_000);
    const [stalled, ...others] = dialer.sessions;
    if (stalled === undefined) throw new Error('no session');
    stalled.ownerSeen.reads = false;
    for (let written = 0; written < 8; written++) stalled.stream.write(chunk);
    dialer.client.flush();
    await stage.pass(5);
    const from = stage.turns.length;
    for (const { stream } of others) stream.write(new Uint8Array(20_000));
    dialer.client.flush();
    await stage.pass(100);
    expect(others.filter(({ ownerSeen }) => ownerSeen.bytes !== 20_000)).toEqual([]);
    expect(stalled.ownerSeen.bytes).toBe(WINDOW_BYTES);
    // It takes no turn while it has no credit.
    expect(stage.sessionBytes(stalled, from)).toBe(0);
    // What it may still send waits at the relay: a second window.
    const { budgetUsedBytes } = stage.harness.relay.statistics();
    expect(budgetUsedBytes).toBeLessThanOrEqual(1_000 * 4_096 + WINDOW_BYTES + 8 * 128);
    expect(stalled.seen.resetCode).toBeUndefined();
  });

  it('are an owner whose link takes nothing: the sessions of its dialers to others go on, and it is dead after 3 s', async () => {
    const stage = await FairnessStage.create(1 << 20);
    const { harness } = stage;
    const dialer = await stage.dialer(500);
    const other = await harness.owner({ maxStreams: 5_000 });
    other.client.register(harness.key);
    await stage.pass(5);
    const toOther = Array.from({ length: 500 }, () => dialer.client.connect(other.credential.publicKey));
    await stage.pass(20);
    const seen = toOther.map((_, index) => other.client.accept(index));
    await stage.pass(20);
    stage.ownerFar.pause();
    for (let count = 0; count < 100; count++) {
      const session = dialer.sessions[count];
      for (let written = 0; written < 8; written++) session?.stream.write(chunk);
    }
    for (const { stream } of toOther) stream.write(new Uint8Array(20_000));
    dialer.client.flush();
    await stage.pass(100);
    expect(seen.filter(({ bytes }) => bytes !== 20_000)).toEqual([]);
    expect(harness.relay.statistics().budgetUsedBytes).toBeGreaterThan(90 * WINDOW_BYTES);
    await stage.pass(6_000);
    expect(harness.relay.statistics()).toMatchObject({ sessions: 500, refusals: { LINK_DEAD: 1 } });
    expect(harness.relay.statistics().budgetUsedBytes).toBeLessThan(WINDOW_BYTES + 500 * 4_096);
    expect(dialer.client.end).toBeUndefined();
  });
});

describe('a relay whose memory is held by readers that stand still', () => {
  it('says BUSY, counts it, serves who is there, and takes new sessions ten seconds later', async () => {
    const stage = await FairnessStage.create(1 << 20, { memoryBudgetBytes: 5 << 20 });
    const { harness } = stage;
    const honest = await stage.dialer(1);
    const greedy = await stage.dialer(16);
    for (const { stream, ownerSeen } of greedy.sessions) {
      ownerSeen.reads = false;
      for (let written = 0; written < 8; written++) stream.write(chunk);
    }
    greedy.client.flush();
    await stage.pass(100);
    expect(harness.relay.statistics().budgetUsedBytes).toBeGreaterThan((5 << 20) * 0.75);
    const { client: late } = await harness.connect();
    const refused = late.connect(stage.ownerKey);
    await stage.pass(5);
    expect([refused.seen.resetCode, harness.relay.statistics().refusals['BUSY']]).toEqual([ResetCode.BUSY, 1]);
    // Who is there goes on.
    honest.sessions[0]?.stream.write(new Uint8Array(20_000));
    honest.client.flush();
    await stage.pass(100);
    expect(honest.sessions[0]?.ownerSeen.bytes).toBe(20_000);
    await stage.pass(12_000);
    const reset = greedy.sessions.filter(({ seen }) => seen.resetCode === ResetCode.BUSY).length;
    expect(reset).toBeGreaterThan(0);
    // No more of them than had to.
    expect(reset).toBeLessThan(4);
    const before = stage.owner.forwards.length;
    late.connect(stage.ownerKey);
    await stage.pass(5);
    expect(stage.owner.forwards.length).toBe(before + 1);
    expect([honest, greedy].map(({ client }) => client.end)).toEqual([undefined, undefined]);
  });
});

describe('a storm of sessions that are opened and reset', () => {
  it('without end, by 10 clients at once: what 100 others say is in the next turn, and control leaves them room', async () => {
    const stage = await FairnessStage.create(OWNER_BYTES_PER_MS);
    const honest = await honestDialers(stage, 100);
    const bulk = await stage.dialer(1);
    const from = stage.turns.length;
    let stormers: ScriptedClient[] = [];
    let resets = 0;
    atFullSpeed(stage, bulk);
    const storm = async (): Promise<void> => {
      stormers = stormers.filter(({ end }) => end === undefined);
      while (stormers.length < STORMERS) stormers.push((await stage.harness.connect()).client);
      for (const client of stormers) {
        for (let count = 0; count < 40; count++) {
          const { stream } = client.connect(stage.ownerKey, '', new Uint8Array(2_000));
          // Past the client's own mux, which would hold them back.
          client.sendRaw(encodeFrame(FrameType.RESET, 0, stream.id, Uint8Array.of(0, ResetCode.CANCELLED)));
          resets++;
        }
      }
      await stage.pass(1);
      stage.answerAll();
    };
    await expectNextTurn(stage, honest, storm, 12);
    expect(resets).toBe(12 * STORMERS * 40);
    const turns = stage.turns.slice(from);
    expect(Math.max(...turns.map(({ controlBytes }) => controlBytes))).toBeLessThanOrEqual(16_384);
    expect(stage.sentBytes(bulk, from)).toBeGreaterThan(sumOf(turns) / 2);
    expect(stage.harness.relay.statistics().refusals['MALFORMED']).toBeGreaterThan(20);
    expect(stage.owner.end).toBeUndefined();
    expect(honest.filter(({ client }) => client.end !== undefined)).toEqual([]);
  });
});
