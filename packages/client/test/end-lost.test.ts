import { loadCrypto } from '@sealane/crypto';
import { MemoryBudget } from '@sealane/mux';
import { seededRandom, VirtualClock } from '@sealane/testkit';
import { expect, test } from 'vitest';
import { SecureConnection } from '../src/session/secure-connection.js';
import { createKeyPair } from './session-simulation/key-pair.js';
import { perfectPath } from './session-simulation/plan.js';
import { RecordLedger } from './session-simulation/record-ledger.js';
import { createPathPair } from './session-simulation/simulated-path.js';

test('what waited for a reader is not charged any more when the session ends before our end was acknowledged', async () => {
  await loadCrypto();
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const keys = createKeyPair(random, [8_704, 8_704]);
  const budgets = [new MemoryBudget(1 << 20), new MemoryBudget(1 << 20)] as const;
  const parameters = { maxRecordPlaintext: 8_704, initialWindow: 65_536, maxStreams: 8, features: 0 };
  const facts = { peerId: '', peerEpoch: 1, alpn: '', service: '', suite: 1, instance: new Uint8Array(16) } as const;
  const connect = (side: 0 | 1): SecureConnection =>
    new SecureConnection({ keys: keys[side], own: parameters, peer: parameters, clock, budget: budgets[side], facts });
  const [dialer, owner] = [connect(0), connect(1)];
  const closed = [dialer, owner].map((connection) => connection.closed.catch((error: unknown) => error));
  const [path, ownerPath] = createPathPair({
    clock,
    random,
    plan: perfectPath,
    ledgers: [new RecordLedger(), new RecordLedger()],
    maxRecordBytes: [8_723, 8_723],
  });
  owner.attachPath(ownerPath);
  dialer.attachPath(path);
  const stream = dialer.openStreamNow();
  const ends: string[] = [];
  stream.attach({
    onData: (_chunk, fin) => ends.push(fin ? 'end' : 'data'),
    onReset: ({ code }) => ends.push(code),
  });
  stream.write(Uint8Array.of(1));
  await clock.advanceAsync(20);
  const { value } = await owner[Symbol.asyncIterator]().next();
  value.attach({ onData: () => undefined, onReset: () => undefined });
  value.write(new Uint8Array(1_000));
  value.end();
  await clock.advanceAsync(20);
  expect(ends).toEqual(['end']);
  expect(budgets[0].used).toBeGreaterThan(1_000);
  stream.end();
  // The end arrives; its ack does not come back.
  ownerPath.cut();
  await clock.advanceAsync(1_000);
  expect(ends).toEqual(['end', 'ERR_E2EE_TRUNCATED']);
  expect(budgets.map(({ used }) => used)).toEqual([0, 0]);
  await Promise.all(closed);
});
