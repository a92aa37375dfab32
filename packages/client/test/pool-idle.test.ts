import { loadCrypto } from '@sealane/crypto';
import { MemoryBudget } from '@sealane/mux';
import { type SeededRandom, seededRandom, VirtualClock } from '@sealane/testkit';
import { SealaneError } from '@sealane/types';
import { beforeAll, describe, expect, test } from 'vitest';
import { ConnectionPool, type PoolHooks } from '../src/pool.js';
import { KeptBudget } from '../src/session/kept-budget.js';
import { SecureConnection } from '../src/session/secure-connection.js';
import type { SecureStream } from '../src/session/secure-stream.js';
import { createKeyPair } from './session-simulation/key-pair.js';
import { perfectPath } from './session-simulation/plan.js';
import { RecordLedger } from './session-simulation/record-ledger.js';
import { createPathPair, type SimulatedPath } from './session-simulation/simulated-path.js';

const IDLE_MS = 5_000;

beforeAll(() => loadCrypto());

/** Two pooled sessions of one stream each, of which the first is idle and the second has a stream. */
class Pooled {
  readonly clock = new VirtualClock();
  readonly pool = new ConnectionPool(this.clock);
  readonly owners: SecureConnection[] = [];
  readonly #random: SeededRandom = seededRandom(1);

  get(): Promise<SecureConnection> {
    return this.pool.get('key', 1, (_signal, hooks) => Promise.resolve(this.#connect(hooks)));
  }

  async createSpare(): Promise<{
    readonly first: SecureConnection;
    readonly spare: SecureConnection;
    ask: SecureStream;
  }> {
    const first = await this.get();
    const held = first.openStreamNow();
    const spare = await this.get();
    const ask = spare.openStreamNow();
    held.reset();
    await this.clock.advanceAsync(100);
    return { first, spare, ask };
  }

  createPaths(): readonly [SimulatedPath<unknown>, SimulatedPath<unknown>] {
    return createPathPair({
      clock: this.clock,
      random: this.#random,
      plan: perfectPath,
      ledgers: [new RecordLedger(), new RecordLedger()],
      maxRecordBytes: [8_723, 8_723],
    });
  }

  #connect(hooks: PoolHooks): SecureConnection {
    const keys = createKeyPair(this.#random, [8_704, 8_704]);
    const own = { maxRecordPlaintext: 8_704, initialWindow: 65_536, maxStreams: 1, features: 0 };
    const facts = { peerId: '', peerEpoch: 1, alpn: '', service: '', suite: 1, instance: new Uint8Array(16) } as const;
    const shared = { own, peer: own, clock: this.clock, facts };
    const resumption = () => ({ account: new KeptBudget().reserve()!, giveUpMs: 60_000 });
    const dialer = new SecureConnection({
      ...shared,
      keys: keys[0],
      budget: new MemoryBudget(1 << 20),
      resumption: resumption(),
      ...hooks,
      onSuspended: hooks.onChange,
      onResumed: hooks.onChange,
    });
    const owner = new SecureConnection({
      ...shared,
      keys: keys[1],
      budget: new MemoryBudget(1 << 20),
      resumption: resumption(),
    });
    const [path, ownerPath] = this.createPaths();
    owner.attachPath(ownerPath);
    dialer.attachPath(path);
    this.owners.push(owner);
    return dialer;
  }
}

/** Takes the next stream of the peer and what happens to it. */
async function take(connection: SecureConnection): Promise<{ readonly stream: SecureStream; readonly log: string[] }> {
  const { value: stream } = await connection[Symbol.asyncIterator]().next();
  return { stream, log: listen(stream) };
}

function listen(stream: SecureStream): string[] {
  const log: string[] = [];
  stream.attach({
    onData: (chunk, fin) => log.push(`${Buffer.from(chunk)}${fin ? '.' : ''}`),
    onReset: ({ code }) => log.push(code),
  });
  return log;
}

describe('a pooled session beyond the first', () => {
  test('takes the stream by which the owner answers the last one, in the record that ends it too', async () => {
    const pooled = new Pooled();
    const { spare, ask } = await pooled.createSpare();
    const owner = pooled.owners[1]!;
    listen(ask);
    ask.end();
    const asked = await take(owner);
    await pooled.clock.advanceAsync(100);
    // Both in one turn: the end of the one stream and the other stream share a record.
    asked.stream.end();
    const answer = owner.openStreamNow();
    const answered = listen(answer);
    answer.write(Buffer.from('answer'));
    answer.end();
    await pooled.clock.advanceAsync(100);
    expect([ask.isClosed, spare.streamCount, answered]).toEqual([true, 1, []]);
    const taken = await take(spare);
    taken.stream.end();
    await pooled.clock.advanceAsync(2 * IDLE_MS);
    expect([taken.log.join(''), answered]).toEqual(['answer.', ['.']]);
  });

  test('is closed once it was idle for five seconds on end, and the first one stays', async () => {
    const pooled = new Pooled();
    const { first, spare, ask } = await pooled.createSpare();
    ask.reset();
    await pooled.clock.advanceAsync(IDLE_MS - 1);
    const again = spare.openStreamNow();
    await pooled.clock.advanceAsync(2 * IDLE_MS);
    again.reset();
    await pooled.clock.advanceAsync(IDLE_MS - 1);
    expect([first.isOpen, spare.isOpen]).toEqual([true, true]);
    await pooled.clock.advanceAsync(1);
    expect([first.isOpen, spare.isOpen]).toEqual([true, false]);
    await pooled.clock.advanceAsync(10 * IDLE_MS);
    await spare.closed;
    expect([first.isOpen, await pooled.get()]).toEqual([true, first]);
  });
  test('is not closed while it is interrupted: what the owner opened meanwhile arrives', async () => {
    const pooled = new Pooled();
    const { first, spare, ask } = await pooled.createSpare();
    const owner = pooled.owners[1]!;
    ask.reset();
    await pooled.clock.advanceAsync(IDLE_MS - 1);
    for (const { session } of [spare, owner]) session.leavePath(new SealaneError('ERR_E2EE_TRUNCATED'));
    const opened = owner.openStreamNow();
    opened.write(Buffer.from('meanwhile'));
    opened.end();
    await pooled.clock.advanceAsync(2 * IDLE_MS);
    expect([spare.isSuspended, spare.isOpen]).toEqual([true, true]);
    const [path, ownerPath] = pooled.createPaths();
    const seal = spare.resumeHalf!.begin();
    const peer = owner.resumeHalf!.open(seal)!;
    const answer = owner.resumeHalf!.seal(seal.pathNumber);
    owner.resumeHalf!.moveTo(ownerPath, peer);
    expect(spare.resumeHalf!.complete(answer, path)).toBe(true);
    await pooled.clock.advanceAsync(100);
    expect(spare.streamCount).toBe(1);
    const taken = await take(spare);
    taken.stream.end();
    listen(opened);
    await pooled.clock.advanceAsync(IDLE_MS - 100);
    expect([taken.log.join(''), opened.isClosed, spare.isOpen]).toEqual(['meanwhile.', true, true]);
    await pooled.clock.advanceAsync(IDLE_MS);
    expect([first.isOpen, spare.isOpen]).toEqual([true, false]);
  });
});
