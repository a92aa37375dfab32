import { VirtualClock } from '@sealane/testkit';
import { SealaneError } from '@sealane/types';
import { type Manner, type ModelStream, MuxPeerModel } from '../src/mux-peer-model.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';

const localCodes = ['ERR_STREAM_BUSY', 'ERR_MUX_', 'ERR_ARGUMENT'];

/** Two muxes that keep the rules, with delays, windows and users of any kind: every byte arrives once, in order. */
export const muxPairTarget: Target = {
  name: 'mux-pair',
  shape: { kind: 'bytes' },
  maxBytes: 320,
  weight: 2,
  seeds: () =>
    [
      '000000 0000 010005 0300 0400 010005 02 0301 0401 05ff',
      '010100 0001 8000 010040 810140 0300 8300 0400 8400 0500 0600 0700 05ff',
      '000101 0000 0000 010050 010150 0300 0400 0a00 0880 05ff 0300',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  run(input) {
    const script = new Script(input);
    const clock = new VirtualClock();
    const windowBytes = script.pick([1_000, 64, 4_000]);
    const maxBodyBytes = script.pick([500, 40]);
    const maxStreams = script.pick([8, 2]);
    const create = (role: 'opener' | 'acceptor'): Side => {
      const options = {
        role,
        allowMessages: true,
        maxBodyBytes,
        maxOpenBytes: 32,
        receiveWindowBytes: windowBytes,
        maxReceiveWindowBytes: windowBytes * 8,
        sendWindowBytes: windowBytes,
        maxInboundStreams: maxStreams,
        maxOutboundStreams: maxStreams,
      };
      return { model: new MuxPeerModel(clock, options, 1 << 24), wire: [] };
    };
    const sides = [create('opener'), create('acceptor')] as const;
    for (let step = 0; step < 120 && !script.isOver; step++) {
      act(script, sides, clock);
      for (const { model } of sides) model.check();
    }
    drain(sides, clock);
    compare(sides);
    for (const { model } of sides) model.finish(new SealaneError('ERR_LINK_LOST'));
  },
};

interface Side {
  readonly model: MuxPeerModel;
  /** Batches on their way. */
  readonly wire: Uint8Array[];
}

/** The high bit says which side acts. */
function act(script: Script, sides: readonly [Side, Side], clock: VirtualClock): void {
  const what = script.u8();
  const [side, other] = what < 0x80 ? sides : [sides[1], sides[0]];
  const { model, wire } = side;
  const stream = (): ModelStream | undefined => model.streams[script.below(6)];
  switch ((what & 0x7f) % 12) {
    case 0:
      // Two that echo would never be done.
      accepted(localCodes, () => model.open(script.below(2) as Manner, script.flag()));
      return;
    case 1:
      stream()?.write(script.filled(script.u8() * 8));
      return;
    case 2:
      stream()?.end();
      return;
    case 3:
      takeBatch(side, 100 + maxFrameBytes(model) + script.u8() * 8);
      return;
    case 4: {
      const message = wire.shift();
      if (message !== undefined) receive(other, message);
      return;
    }
    case 5:
      clock.advance(script.u8() * 4);
      return;
    case 6: {
      const port = stream()?.port;
      port?.consume(Math.min(port.heldBytes, script.u16()));
      return;
    }
    case 7:
      model.manner = script.below(5) as Manner;
      return;
    case 8:
      if (script.u8() < 0x40) stream()?.cut();
      return;
    case 9:
      model.mux.ping().catch(() => undefined);
      return;
    case 10:
      model.mux.goAway({ code: 1, ...(script.flag() ? { lastStream: 0xffff_ffff } : {}) });
      return;
    default:
      stream()?.port.sendOpen();
  }
}

function maxFrameBytes(model: MuxPeerModel): number {
  return 9 + 2 + model.options.maxOpenBytes;
}

function takeBatch(side: Side, maxBytes: number): boolean {
  const batch = side.model.pull(maxBytes);
  if (batch !== undefined) side.wire.push(batch);
  return batch !== undefined;
}

/** Nobody breaks a rule, so nothing is ever refused. */
function receive(side: Side, message: Uint8Array): void {
  side.model.noteCredit(message);
  side.model.mux.receive(message);
}

/** Everybody reads and sends until nothing moves: if that never ends, somebody talks for ever. */
function drain(sides: readonly [Side, Side], clock: VirtualClock): void {
  for (let round = 0; round < 20_000; round++) {
    let moved = false;
    for (const [side, other] of [sides, [sides[1], sides[0]]] as const) {
      while (takeBatch(side, 4_096)) moved = true;
      for (const message of side.wire.splice(0)) {
        receive(other, message);
        moved = true;
      }
      for (const { port } of side.model.streams) {
        if (port.heldBytes === 0) continue;
        port.consume(port.heldBytes);
        moved = true;
      }
      side.model.check();
    }
    if (moved) continue;
    // Held-back resets leave by their timers.
    if (clock.nextDueMs === undefined) return;
    clock.advance(clock.nextDueMs - clock.nowMs());
  }
  throw new Error('the two muxes never come to rest');
}

/** The peers of one number got what the other one wrote, all of it where nobody cut it short. */
function compare([first, second]: readonly [Side, Side]): void {
  for (const [id, one] of first.model.byId) {
    const two = second.model.byId.get(id);
    if (two === undefined) continue;
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      const written = Buffer.concat(from.written);
      const received = Buffer.concat(to.received);
      assertSameBytes(received, written.subarray(0, received.length), 'what is received was written, in order');
      const isCut = [one, two].some((end) => end.isCut || end.resets > 0);
      if (isCut) continue;
      assertRule(
        received.length === written.length,
        `all that was written is received: ${received.length} of ${written.length}`,
      );
      assertRule(to.hasFin === from.isEnded, 'an end is an end');
    }
  }
}
