import { seededRandom } from '@sealane/testkit';
import { ResetCode } from '@sealane/types';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPair, exchange, joinBytes, type Peer, type StreamEnd } from './pair.js';

const stepArbitrary = fc.record({
  side: fc.constantFrom('a' as const, 'b' as const),
  action: fc.constantFrom(
    'open',
    'hold',
    'write',
    'write',
    'write',
    'end',
    'reset',
    'read',
    'read',
    'pull',
    'deliver',
    'ping',
  ),
  pick: fc.nat(),
  size: fc.integer({ min: 1, max: 3_000 }),
});

/** The model: what each end was given to send, in order. */
interface Model {
  readonly end: StreamEnd;
  readonly peer: Peer;
  written: Uint8Array[];
  isEnded: boolean;
  isReset: boolean;
}

test('any interleaving keeps every byte and its order, respects credit, and leaves the budget empty', () => {
  fc.assert(
    fc.property(
      fc.array(stepArbitrary, { maxLength: 120 }),
      fc.integer({ min: 64, max: 4_000 }),
      fc.integer({ min: 30, max: 2_000 }),
      (steps, windowBytes, maxBodyBytes) => {
        const pair = createPair({
          receiveWindowBytes: windowBytes,
          maxReceiveWindowBytes: windowBytes,
          sendWindowBytes: windowBytes,
          maxBodyBytes,
        });
        const models = new Map<StreamEnd, Model>();
        const random = seededRandom(steps.length);
        const wires = { a: [] as Uint8Array[], b: [] as Uint8Array[] };
        const track = (peer: Peer, end: StreamEnd): void => {
          models.set(end, { end, peer, written: [], isEnded: false, isReset: false });
        };
        for (const peer of [pair.a, pair.b]) {
          peer.autoConsume = false;
          peer.accept = (end) => track(peer, end);
        }
        let opened = 0;
        for (const { side, action, pick, size } of steps) {
          const peer = pair[side];
          const own = [...models.values()].filter((model) => model.peer === peer && !model.isReset);
          const model = own[pick % Math.max(1, own.length)];
          if (action === 'open' || action === 'hold') {
            track(peer, peer.open(String(opened++), { holdUntilData: action === 'hold' }));
          } else if (action === 'pull') {
            const batch = peer.mux.pull(size + 64);
            if (batch !== undefined) wires[side].push(joinBytes(batch.chunks));
          } else if (action === 'deliver') {
            const message = wires[side].shift();
            if (message !== undefined) pair[side === 'a' ? 'b' : 'a'].mux.receive(message);
          } else if (action === 'ping') {
            void peer.mux.ping();
          } else if (model !== undefined) {
            act(model, action, size, random(size));
          }
          for (const { end } of models.values()) expect(end.port.heldBytes).toBeLessThanOrEqual(windowBytes);
        }
        for (const side of ['a', 'b'] as const) {
          for (const message of wires[side]) pair[side === 'a' ? 'b' : 'a'].mux.receive(message);
        }
        drain(pair, models);
        compare(pair.a, pair.b, models);
        // Twice, because streams whose OPEN was held appear on the other side only now.
        for (let pass = 0; pass < 2; pass += 1) {
          for (const model of models.values()) if (!model.isReset) act(model, 'end', 0, new Uint8Array(0));
          drain(pair, models);
        }
        expect([pair.a.budget.used, pair.b.budget.used]).toEqual([0, 0]);
        expect([pair.a.mux.streamCount, pair.b.mux.streamCount]).toEqual([0, 0]);
      },
    ),
    { numRuns: 400 },
  );
});

function act(model: Model, action: string, size: number, bytes: Uint8Array): void {
  const { port } = model.end;
  if (action === 'write' && !model.isEnded && !port.isClosed) {
    model.written.push(bytes);
    port.write(bytes);
  } else if (action === 'end') {
    model.isEnded = true;
    port.end();
  } else if (action === 'reset' && size < 300) {
    model.isReset = true;
    port.reset(ResetCode.CANCELLED);
  } else if (action === 'read') {
    port.consume(Math.min(size, port.heldBytes));
  }
}

/** Both sides read and send until nothing moves. Held OPENs stay held. */
function drain(pair: Parameters<typeof exchange>[0], models: ReadonlyMap<StreamEnd, Model>): void {
  for (let round = 0; round < 100_000; round += 1) {
    exchange(pair);
    const full = [...models.keys()].filter((end) => end.port.heldBytes > 0);
    if (full.length === 0) return;
    for (const end of full) end.port.consume(end.port.heldBytes);
  }
  throw new Error('the streams never run dry');
}

function compare(a: Peer, b: Peer, models: ReadonlyMap<StreamEnd, Model>): void {
  const openers = [...models.values()].filter(({ end }) => !end.port.isInbound);
  for (const opener of openers) {
    const other = (opener.peer === a ? b : a).streams.find(({ open }) => open === opener.end.open);
    if (other === undefined) continue;
    const acceptor = models.get(other)!;
    for (const [from, to] of [
      [opener, acceptor],
      [acceptor, opener],
    ] as const) {
      const sent = Buffer.from(joinBytes(from.written));
      const received = to.end.received();
      const isWhole = !from.isReset && !to.isReset && to.end.error === undefined && from.end.error === undefined;
      if (isWhole) expect(received.length).toBe(sent.length);
      expect(Buffer.compare(sent.subarray(0, received.length), received)).toBe(0);
      if (isWhole) expect(to.end.fin).toBe(from.isEnded);
    }
  }
}
