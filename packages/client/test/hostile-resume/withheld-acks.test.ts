import { loadCrypto } from '@sealane/crypto';
import { type CipherState, NoiseHandshake, parsePattern, RecordReader, SessionKeys } from '@sealane/crypto/e2ee';
import { MemoryBudget, type MuxStream } from '@sealane/mux';
import { encodeStreamOpen } from '@sealane/protocol';
import { seededRandom, VirtualClock } from '@sealane/testkit';
import { RecordType, ResumptionLimit, type SealaneError } from '@sealane/types';
import { beforeAll, describe, expect, it } from 'vitest';
import { KeptBudget } from '../../src/index.js';
import { Session } from '../../src/session/session.js';

beforeAll(() => loadCrypto());

const empty = new Uint8Array(0);
const parameters = { maxRecordPlaintext: 66_048, initialWindow: 8 << 20, maxStreams: 64, features: 0 };
const kept = { sharedBytes: 1 << 20, sessionBytes: 512 << 10, guaranteedBytes: 64 << 10 };

/** A dialer's session that always has more to send, and the peer at the other end of its path, who acks or does not. */
class Writer {
  readonly session: Session;
  sentBytes = 0;
  records = 0;
  error: SealaneError | undefined;
  #isWoken = false;
  readonly #peer: CipherState;
  readonly #stream: MuxStream;
  readonly #reader = new RecordReader(parameters.maxRecordPlaintext);

  constructor(clock: VirtualClock, budget: KeptBudget, seed: number) {
    const create = (initiator: boolean): NoiseHandshake =>
      new NoiseHandshake({ pattern: parsePattern('NN'), initiator, random: seededRandom(seed + (initiator ? 1 : 2)) });
    const [dialer, owner] = [create(true), create(false)];
    owner.readMessage(dialer.writeMessage(empty));
    dialer.readMessage(owner.writeMessage(empty));
    this.#peer = owner.split().c2;
    this.session = new Session({
      keys: new SessionKeys(dialer, 'dialer', new Uint8Array(16).fill(seed), parameters.maxRecordPlaintext),
      own: parameters,
      peer: parameters,
      clock,
      budget: new MemoryBudget(1 << 26),
      resumption: { account: budget.reserve()!, giveUpMs: 60_000 },
      handler: {
        onConfirmed: () => undefined,
        onOpen: () => undefined,
        onChange: () => undefined,
        onSuspended: () => undefined,
        onResumed: () => undefined,
        onEnd: (error) => {
          this.error = error;
        },
      },
    });
    const handler = { onData: () => undefined, onReset: () => undefined, onEndAcknowledged: () => undefined };
    this.#stream = this.session.mux.openStream(encodeStreamOpen({ label: '', metadata: empty }), handler);
    this.#stream.write(new Uint8Array(6 << 20));
    this.session.attachPath({
      sendableBytes: 1 << 20,
      send: (record, bytes) => {
        this.sentBytes += bytes;
        for (const part of record) this.records += this.#reader.push(part).length;
      },
      returnCredit: () => undefined,
      wake: () => {
        this.#isWoken = true;
      },
      end: () => undefined,
      reset: () => undefined,
    });
  }

  get account() {
    return this.session.recovery!.account;
  }

  /** Sends what it can. */
  run(): void {
    for (let turns = 0; this.#isWoken && turns < 10_000; turns++) {
      this.#isWoken = this.session.sendRecord();
    }
  }

  /** The peer seals FRAMES without frames: `ack` is all that it says. */
  hear(ack: number): void {
    if (this.session.isEnded) return;
    const plaintext = new Uint8Array(9);
    plaintext[0] = RecordType.FRAMES;
    new DataView(plaintext.buffer).setBigUint64(1, BigInt(ack));
    const sealed = this.#peer.encryptWithAd(empty, plaintext);
    const record = Buffer.concat([Uint8Array.of(0, 0, sealed.length), sealed]);
    this.session.onPathData(new Uint8Array(record));
  }
}

describe('A peer that withholds acks', () => {
  it('stops its writer at the bound, and ends its session after 30 s; sessions beside it go on', () => {
    const clock = new VirtualClock();
    const budget = new KeptBudget(kept);
    const stalled = [1, 2, 3].map((seed) => new Writer(clock, budget, 10 * seed));
    const honest = new Writer(clock, budget, 90);
    let endedMs: number | undefined;
    let largest = 0;
    for (let ms = 0; ms < 40_000; ms += 100) {
      for (const writer of [...stalled, honest]) writer.run();
      largest = Math.max(largest, budget.sharedUsedBytes);
      honest.hear(honest.records);
      if (ms % 1_000 === 0) {
        for (const writer of stalled) writer.hear(0);
        for (const writer of [...stalled, honest]) writer.session.tick();
      }
      if (ms === 5_000) {
        const bound = kept.sessionBytes + kept.guaranteedBytes + ResumptionLimit.keptReserveBytes;
        for (const { sentBytes } of stalled) expect(sentBytes).toBeLessThanOrEqual(bound);
      }
      if (stalled.every(({ error }) => error !== undefined)) endedMs ??= ms;
      clock.advance(100);
    }
    expect(stalled.map(({ error }) => error?.code)).toEqual(new Array(3).fill('ERR_E2EE_PEER_STALLED'));
    expect(endedMs).toBeGreaterThanOrEqual(ResumptionLimit.peerStalledMs);
    expect(endedMs).toBeLessThanOrEqual(ResumptionLimit.peerStalledMs + 2_000);
    expect(largest).toBeLessThanOrEqual(kept.sharedBytes);
    // Three that give nothing back had taken all that is shared, and this one lived on what is its own.
    expect([honest.error, honest.sentBytes]).toEqual([undefined, expect.any(Number)]);
    expect(honest.sentBytes).toBeGreaterThan(6 << 20);
    expect(budget.sharedUsedBytes).toBe(honest.account.sharedBytes);
  });

  it('and acknowledges what was never sent ends its session at once', () => {
    const writer = new Writer(new VirtualClock(), new KeptBudget(kept), 50);
    writer.run();
    writer.hear(writer.records + 1);
    expect(writer.error?.code).toBe('ERR_E2EE_PROTOCOL');
  });
});
