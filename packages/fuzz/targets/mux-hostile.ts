import { encodeFrame, encodeGoAway, encodeOpenBody } from '@sealane/protocol';
import { VirtualClock } from '@sealane/testkit';
import { FrameFlag, FrameType, SealaneError } from '@sealane/types';
import { type Manner, type ModelStream, MuxPeerModel } from '../src/mux-peer-model.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';

const peerCodes = ['ERR_PROTOCOL_FRAME', 'ERR_PROTOCOL_LIMIT', 'ERR_MUX_'];
const localCodes = ['ERR_STREAM_BUSY', 'ERR_MUX_', 'ERR_ARGUMENT'];
const ended = (): SealaneError => new SealaneError('ERR_LINK_LOST');

/** A peer that sends any frames in any order to a mux whose user opens, writes, reads, ends and resets. */
export const muxHostileTarget: Target = {
  name: 'mux-hostile',
  shape: { kind: 'bytes' },
  maxBytes: 320,
  weight: 2,
  seeds: () =>
    [
      // Opens, data, credit, end; a stream of our own; pulls between them.
      '0000000000 00010201 00000105 07ff00 030002 010005 06',
      '0100050300 02010000 03000510 07ff00 0401 07ff00 0600ff',
      '0001020304 00010001 00030102 00050003 07ff00 08ff 0c05 07ff00',
      // All of its credit, and then more.
      '0000010000 000101000000 0001008100 0001000100',
      '0000000000 0001010f 0001000f 0001000f 0001000f 0001000f',
      '0000000000 0b01ff 0903 0a 07ff00 0d0001 0d0002',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  run(input) {
    const script = new Script(input);
    const clock = new VirtualClock();
    const model = createModel(script, clock);
    for (let step = 0; step < 96 && !script.isOver && !model.mux.isClosed; step++) {
      act(script, model, clock);
      model.check();
    }
    model.finish(ended());
  },
};

function createModel(script: Script, clock: VirtualClock): MuxPeerModel {
  const role = script.flag() ? 'opener' : 'acceptor';
  const allowMessages = !script.flag();
  const windowBytes = script.pick([1_000, 64, 4_000]);
  const maxInboundStreams = script.pick([8, 1, 3]);
  const budgetBytes = script.pick([1 << 20, 2_000, 600]);
  return new MuxPeerModel(
    clock,
    {
      role,
      allowMessages,
      maxBodyBytes: 500,
      maxOpenBytes: 32,
      receiveWindowBytes: windowBytes,
      maxReceiveWindowBytes: windowBytes * 4,
      sendWindowBytes: 300,
      maxInboundStreams,
      maxOutboundStreams: 4,
    },
    budgetBytes,
  );
}

function act(script: Script, model: MuxPeerModel, clock: VirtualClock): void {
  const { mux } = model;
  const action = script.below(16);
  switch (action) {
    case 0:
    case 1:
      sendData(script, model);
      return;
    case 2:
      model.manner = script.below(5) as Manner;
      model.refuses = script.below(8) === 7;
      accepted(localCodes, () => model.open(model.manner, script.flag()));
      return;
    case 3:
      anyStream(script, model)?.write(script.filled(script.below(600)));
      return;
    case 4:
      anyStream(script, model)?.end();
      return;
    case 5:
      anyStream(script, model)?.cut();
      return;
    case 6: {
      const port = anyStream(script, model)?.port;
      port?.consume(Math.min(port.heldBytes, script.u16()));
      return;
    }
    case 7: {
      const maxBytes = 600 + script.u8() * 40;
      while (model.pull(maxBytes) !== undefined);
      return;
    }
    case 8:
      clock.advance(script.u8() * 20);
      return;
    case 9:
      accepted(localCodes, () => mux.goAway({ code: 1, ...(script.flag() ? { lastStream: script.u8() } : {}) }));
      return;
    case 10:
      mux.ping().catch(() => undefined);
      return;
    case 11:
      if (model.options.allowMessages) sendMessage(script, model);
      return;
    case 12: {
      const stream = script.below(10);
      const delta = script.pick([100, 1, 0, 0x7fff_ffff, 0xffff_ffff]);
      const body = Buffer.alloc(4);
      body.writeUInt32BE(delta);
      const own = model.byId.get(stream);
      // A peer's credit counts from the moment at which it is taken; a wrong one ends the mux.
      if (own !== undefined) own.ownCredit += delta;
      give(model, encodeFrame(FrameType.CREDIT, 0, stream, body));
      return;
    }
    case 13:
      give(model, encodeFrame(FrameType.RESET, 0, script.below(10), Uint8Array.of(0, script.u8())));
      return;
    case 14: {
      const goAway = { lastStream: script.u8(), code: script.u8(), retryAfterMs: 0, url: '' };
      give(model, encodeFrame(FrameType.GOAWAY, 0, 0, encodeGoAway(goAway)));
      return;
    }
    default:
      sendAny(script, model);
  }
}

function sendMessage(script: Script, model: MuxPeerModel): void {
  const port = script.flag() ? anyStream(script, model)?.port : 0;
  accepted(localCodes, () => model.mux.sendMessage(port ?? 0, script.filled(1 + script.u8() * 8)));
}

/** DATA by the rules or slightly beside them, with what the model says must come of it. */
function sendData(script: Script, model: MuxPeerModel): void {
  const streamId = script.below(12);
  const flags = script.below(4);
  const isOpening = (flags & FrameFlag.OPEN) !== 0;
  const before = model.byId.get(streamId);
  const data = script.filled(dataLength(script, model, before));
  const wasLive = before !== undefined && !before.port.isClosed && before.resets === 0;
  const got = before === undefined ? 0 : lengthOf(before.received);
  const body = isOpening ? encodeOpenBody(script.string().subarray(0, 40), data) : data;
  const wasTaken = give(model, encodeFrame(FrameType.DATA, flags, streamId, body));
  const stream = model.byId.get(streamId);
  if (stream === undefined || (!isOpening && !wasLive)) return;
  const isNew = stream !== before;
  if (isOpening && !isNew) {
    assertRule(!wasTaken, 'no number is opened twice');
    return;
  }
  const mayReceive = data.length <= stream.peerCredit;
  if (wasTaken) {
    assertRule(mayReceive, 'who sends beyond its credit is refused');
    stream.peerCredit -= data.length;
    const received = Buffer.concat(stream.received);
    if (received.length > got) assertSameBytes(received.subarray(isNew ? 0 : got), data, 'what was sent is received');
  } else if (mayReceive && data.length > 0 && data.length <= model.options.maxBodyBytes && !isOpening) {
    assertRule(stream.hasFin, 'data within its credit is taken');
  }
}

/** Any length, or one around what the peer may send now or what fits into a frame. */
function dataLength(script: Script, { options }: MuxPeerModel, stream: ModelStream | undefined): number {
  const size = script.u8();
  if (size < 0x80) return size * 5;
  const edge = size < 0xc0 ? (stream?.peerCredit ?? options.receiveWindowBytes) : options.maxBodyBytes;
  return Math.max(0, edge + (size % 4) - 1);
}

/** Frames as bytes: what no other step says. */
function sendAny(script: Script, model: MuxPeerModel): void {
  const type = script.pick([FrameType.PING, FrameType.PONG, FrameType.MESSAGE, 7, 63, 64, 200]);
  const streamId = script.below(4);
  const body = script.string();
  const raw = script.below(4) === 3 ? body : encodeFrame(type, script.below(3), streamId, body);
  // A credit among raw bytes would not be counted: they are for what breaks.
  if (raw === body && body[0] === FrameType.CREDIT) return;
  give(model, raw);
}

/** The peer's message; false when it broke a rule, which ends the mux. */
function give(model: MuxPeerModel, message: Uint8Array): boolean {
  const taken = accepted(peerCodes, () => {
    model.mux.receive(message);
    return true;
  });
  if (taken === true) {
    assertRule(model.mux.unsentControlBytes <= 65_536, 'control frames for a peer that does not read are bounded');
    return true;
  }
  model.mux.close(ended());
  return false;
}

function anyStream(script: Script, model: MuxPeerModel): ModelStream | undefined {
  return model.streams[script.below(8)];
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
