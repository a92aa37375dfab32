import type { ControlMessage } from '@sealane/protocol';
import { FrameType } from '@sealane/types';
import type { HostileLink } from './hostile-link.js';
import { dataFrames, messageFrame, resetFrame, type SeenFrame } from './seen-frame.js';

/** A stream of a link that the man in the middle serves himself: the relay behind him knows nothing of it. */
export class HostileStream {
  readonly link: HostileLink;
  readonly id: number;
  readonly messages: ControlMessage[] = [];
  readonly data: Uint8Array[] = [];
  isFinished = false;
  resetCode: number | undefined;

  constructor(link: HostileLink, id: number) {
    this.link = link;
    this.id = id;
  }

  /** The client's first word on it. */
  get answer(): ControlMessage | undefined {
    return this.messages[0];
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.data);
  }

  send(message: ControlMessage): void {
    this.link.toClient(messageFrame(this.id, message));
  }

  write(bytes: Uint8Array, isFin = false): void {
    for (const frame of dataFrames(this.id, bytes, isFin)) this.link.toClient(frame);
  }

  reset(code: number): void {
    this.link.toClient(resetFrame(this.id, code));
  }

  /** A frame of the client for this stream. */
  receive(frame: SeenFrame): void {
    const { message } = frame;
    if (message !== undefined) this.messages.push(message);
    if (frame.data.length > 0) this.data.push(frame.data);
    if (frame.isFin) this.isFinished = true;
    if (frame.type === FrameType.RESET) this.resetCode = ((frame.body[0] ?? 0) << 8) | (frame.body[1] ?? 0);
  }
}
