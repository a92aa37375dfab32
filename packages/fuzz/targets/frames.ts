import {
  encodeCredit,
  encodeFrame,
  encodeGoAway,
  encodeReset,
  type Frame,
  forEachFrame,
  parseCredit,
  parseGoAway,
  parsePing,
  parseReset,
} from '@sealane/protocol';
import { FrameType } from '@sealane/types';
import type { Target } from '../src/target.js';
import { protocolVectors } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes, outcome } from '../src/violation.js';

const codes = ['ERR_PROTOCOL_FRAME', 'ERR_PROTOCOL_LIMIT'];
const outer = { maxDataBytes: 66_560, maxOpenBytes: 8_192, maxMessageBytes: 8_192 };
const inner = { maxDataBytes: 1_024, maxOpenBytes: 64, maxMessageBytes: 0 };
const firstIgnoredType = 64;

/** The iterator over frames under the limits of both layers, and the fixed bodies. */
export const framesTarget: Target = {
  name: 'frames',
  shape: { kind: 'frames' },
  maxBytes: 8_192,
  maxMemoryBytes: 65_536,
  seeds: () => protocolVectors('frame'),
  run(input) {
    const frames: Uint8Array[] = [];
    const ignored = accepted(codes, () =>
      forEachFrame(input, outer, (frame) => {
        assertRule(frame.type < firstIgnoredType, 'types that are ignored are not visited');
        frames.push(encodeFrame(frame.type, frame.flags, frame.streamId, frame.body));
        checkBody(frame);
      }),
    );
    const first = Buffer.concat(frames);
    if (ignored === 0) assertSameBytes(first, input, 'the frames are the message');
    if (ignored === undefined && frames.length > 0) checkPrefix(input, frames);
    const strict = outcome(() => forEachFrame(input, inner, () => undefined));
    const isLooser = strict.code !== undefined || ignored !== undefined;
    assertRule(isLooser, 'what the narrower layer takes, the wider one takes');
  },
};

/** What was visited before a wrong frame stands at the beginning, apart from frames that are ignored. */
function checkPrefix(input: Uint8Array, frames: readonly Uint8Array[]): void {
  const [first] = frames;
  if (first !== undefined && (input[0] ?? 0) < firstIgnoredType) {
    assertSameBytes(first, input.subarray(0, first.length), 'the first frame stands first');
  }
}

function checkBody({ type, body }: Frame): void {
  switch (type) {
    case FrameType.CREDIT: {
      const delta = accepted(codes, () => parseCredit(body));
      if (delta !== undefined) assertSameBytes(encodeCredit(delta), body, 'CREDIT');
      return;
    }
    case FrameType.RESET:
      assertSameBytes(encodeReset(parseReset(body)), body, 'RESET');
      return;
    case FrameType.PING:
    case FrameType.PONG:
      assertSameBytes(parsePing(body), body, 'PING');
      return;
    case FrameType.GOAWAY: {
      const goAway = accepted(codes, () => parseGoAway(body));
      if (goAway !== undefined) assertSameBytes(encodeGoAway(goAway), body, 'GOAWAY');
      return;
    }
    default:
  }
}
