import {
  type ControlMessage,
  decodeForward,
  decodeMessage,
  decodeOpen,
  encodeForward,
  encodeMessage,
  encodeOpen,
  encodeOpenBody,
  type ForwardRequest,
  type OpenRequest,
  splitOpenBody,
} from '@sealane/protocol';
import { FrameFlag, FrameType, ProtocolSize } from '@sealane/types';
import type { HostileLink } from './hostile-link.js';

/** `up` is from the client to the relay. */
export type FrameWay = 'up' | 'down';

/** A frame that is to be sent. The stream number is the one that the client of the link knows. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly body: Uint8Array;
}

/** A frame on its way through the relay, with what it says. The body is a copy. */
export class SeenFrame implements RawFrame {
  readonly link: HostileLink;
  readonly way: FrameWay;
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly body: Uint8Array;

  constructor(link: HostileLink, way: FrameWay, frame: RawFrame) {
    this.link = link;
    this.way = way;
    this.type = frame.type;
    this.flags = frame.flags;
    this.streamId = frame.streamId;
    this.body = frame.body;
  }

  /** The control message of a MESSAGE frame; undefined for other frames and for what does not decode. */
  get message(): ControlMessage | undefined {
    if (this.type !== FrameType.MESSAGE) return undefined;
    try {
      return decodeMessage(this.body);
    } catch {
      return undefined;
    }
  }

  get isOpen(): boolean {
    return this.type === FrameType.DATA && (this.flags & FrameFlag.OPEN) !== 0;
  }

  /** What a dialer asks for, on its way up. */
  get request(): OpenRequest | undefined {
    return this.isOpen && this.way === 'up' ? decodeOpen(this.#split().open) : undefined;
  }

  /** What an owner is asked, on its way down. */
  get forward(): ForwardRequest | undefined {
    return this.isOpen && this.way === 'down' ? decodeForward(this.#split().open) : undefined;
  }

  /** The data of a DATA frame, empty for all others. */
  get data(): Uint8Array {
    if (this.type !== FrameType.DATA) return new Uint8Array(0);
    return this.isOpen ? this.#split().data : this.body;
  }

  get isFin(): boolean {
    return this.type === FrameType.DATA && (this.flags & FrameFlag.FIN) !== 0;
  }

  #split(): { readonly open: Uint8Array; readonly data: Uint8Array } {
    return splitOpenBody(this.body, ProtocolSize.CONTROL);
  }
}

export function messageFrame(streamId: number, message: ControlMessage): RawFrame {
  return { type: FrameType.MESSAGE, flags: 0, streamId, body: encodeMessage(message) };
}

/** Nothing at all for no bytes without `isFin`: such a frame would break the protocol. */
export function dataFrames(streamId: number, bytes: Uint8Array, isFin = false): RawFrame[] {
  if (bytes.length === 0 && !isFin) return [];
  return [{ type: FrameType.DATA, flags: isFin ? FrameFlag.FIN : 0, streamId, body: bytes }];
}

/** A dialer's OPEN with another request. */
export function requestFrame(frame: SeenFrame, request: OpenRequest): RawFrame {
  return { ...plain(frame), body: encodeOpenBody(encodeOpen(request), frame.data) };
}

/** The relay's OPEN to an owner with another request. */
export function forwardFrame(streamId: number, request: ForwardRequest): RawFrame {
  return { type: FrameType.DATA, flags: FrameFlag.OPEN, streamId, body: encodeOpenBody(encodeForward(request)) };
}

export function resetFrame(streamId: number, code: number): RawFrame {
  return { type: FrameType.RESET, flags: 0, streamId, body: Uint8Array.of(code >> 8, code) };
}

function plain({ type, flags, streamId, body }: RawFrame): RawFrame {
  return { type, flags, streamId, body };
}
