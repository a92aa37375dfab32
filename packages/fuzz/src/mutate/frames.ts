import { FRAME_HEADER_BYTES, FrameType } from '@sealane/types';
import { join, type Material, mutateBytes } from './bytes.js';
import { mutateMsgpack } from './msgpack.js';

interface FrameParts {
  type: number;
  flags: number;
  streamId: number;
  body: Uint8Array;
}

/** The frames of a message as far as it can be read; what is left over is a last piece. */
function parse(message: Uint8Array): { frames: FrameParts[]; rest: Uint8Array } {
  const frames: FrameParts[] = [];
  let at = 0;
  while (at + FRAME_HEADER_BYTES <= message.length) {
    const view = new DataView(message.buffer, message.byteOffset + at);
    const length = view.getUint8(6) * 65_536 + view.getUint16(7);
    const start = at + FRAME_HEADER_BYTES;
    if (start + length > message.length) break;
    frames.push({
      type: view.getUint8(0),
      flags: view.getUint8(1),
      streamId: view.getUint32(2),
      body: message.slice(start, start + length),
    });
    at = start + length;
  }
  return { frames, rest: message.slice(at) };
}

export function encodeParts({ type, flags, streamId, body }: FrameParts): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint8(1, flags);
  view.setUint32(2, streamId);
  view.setUint8(6, body.length >>> 16);
  view.setUint16(7, body.length & 0xffff);
  bytes.set(body, FRAME_HEADER_BYTES);
  return bytes;
}

const types = [...Object.values(FrameType), 7, 63, 64, 255];
const lengths = [0, 1, 2, 4, 8, 11, 100, 1_000];

/** One change of the sequence of frames, or of one frame with its length kept right. */
export function mutateFrames(input: Uint8Array, material: Material): Uint8Array {
  const { random, other } = material;
  if (random.chance(0.15)) return mutateBytes(input, material);
  const { frames, rest } = parse(input);
  const index = random.int(0, Math.max(0, frames.length - 1));
  const frame = frames[index];
  const fresh = (): FrameParts => ({
    type: random.pick(types),
    flags: random.pick([0, 0, 1, 2, 3]),
    streamId: random.int(0, 9),
    body: random(random.pick(lengths)),
  });
  switch (frame === undefined ? 0 : random.int(0, 8)) {
    case 0:
      frames.splice(index, 0, fresh());
      break;
    case 1:
      frames.splice(index, 1);
      break;
    case 2:
      frames.splice(random.int(0, frames.length), 0, { ...frame! });
      break;
    case 3: {
      const target = random.int(0, frames.length - 1);
      frames[index] = frames[target]!;
      frames[target] = frame!;
      break;
    }
    case 4: {
      const { frames: others } = parse(other);
      if (others.length > 0) frames.splice(index, 0, random.pick(others));
      break;
    }
    case 5:
      frame!.type = random.pick(types);
      break;
    case 6:
      frame!.flags = random.int(0, 4);
      break;
    case 7:
      frame!.streamId = random.chance(0.9) ? random.int(0, 9) : random.int(0, 0xffff_ffff);
      break;
    default:
      frame!.body =
        frame!.type === FrameType.MESSAGE
          ? mutateMsgpack(frame!.body, 1, material)
          : mutateBytes(frame!.body, material);
  }
  return join(...frames.map(encodeParts), rest);
}
