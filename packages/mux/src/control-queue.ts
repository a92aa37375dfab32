import { FRAME_HEADER_BYTES, FrameType, MuxLimit, SealaneError } from '@sealane/types';
import type { BatchWriter } from './batch-writer.js';
import { Fifo } from './fifo.js';
import type { StreamCore } from './stream-core.js';

const pingBytes = 8;
const resetFrameBytes = FRAME_HEADER_BYTES + 2;
const creditFrameBytes = FRAME_HEADER_BYTES + 4;
const pingFrameBytes = FRAME_HEADER_BYTES + pingBytes;

export interface PingHost {
  /** The PING is in the batch. */
  onPingSent(): void;
}

interface Message {
  readonly streamId: number;
  readonly body: Uint8Array;
}

/**
 * Everything that goes before data. PING, PONG, GOAWAY and CREDIT are state: the latest value, once. Messages and
 * RESETs wait in line, and a peer that lets more than 64 KiB of them wait is flooding us.
 */
export class ControlQueue {
  pong: Uint8Array | undefined;
  ping: Uint8Array | undefined;
  goAway: Uint8Array | undefined;
  unsentBytes = 0;
  framesSent = 0;
  resetsSent = 0;
  readonly #messages: Fifo<Message> = new Fifo();
  /** Stream number and code alternate. */
  readonly #resets: Fifo<number> = new Fifo();
  readonly #credits: Fifo<StreamCore> = new Fifo();
  #creditsDue = 0;

  get hasMessages(): boolean {
    return this.#messages.length > 0;
  }

  /** Something besides messages waits. */
  get hasState(): boolean {
    return (
      this.#creditsDue > 0 ||
      this.#resets.length > 0 ||
      this.pong !== undefined ||
      this.ping !== undefined ||
      this.goAway !== undefined
    );
  }

  /** ERR_MUX_FLOOD when more than 64 KiB wait for a peer that does not read. */
  assertBounded(): void {
    if (this.unsentBytes > MuxLimit.maxUnsentControlBytes) {
      throw new SealaneError('ERR_MUX_FLOOD', 'too many control bytes wait for the peer');
    }
  }

  pushMessage(streamId: number, body: Uint8Array): void {
    this.#messages.push({ streamId, body });
    this.unsentBytes += FRAME_HEADER_BYTES + body.length;
  }

  pushReset(streamId: number, code: number): void {
    this.#resets.push(streamId);
    this.#resets.push(code);
    this.unsentBytes += resetFrameBytes;
  }

  addCredit(stream: StreamCore): void {
    if (stream.isCreditListed) return;
    stream.isCreditListed = true;
    this.#creditsDue += 1;
    this.#credits.push(stream);
  }

  /** The stream closed or needs no credit any more; its place in the line is skipped later. */
  cancelCredit(stream: StreamCore): void {
    if (!stream.isCreditListed) return;
    stream.isCreditListed = false;
    this.#creditsDue -= 1;
  }

  clear(): void {
    this.#messages.clear();
    this.#resets.clear();
    this.#credits.clear();
    this.#creditsDue = 0;
    this.unsentBytes = 0;
    this.pong = undefined;
    this.ping = undefined;
    this.goAway = undefined;
  }

  /**
   * Writes frames until `endBytes` of the batch are used. Messages go before RESETs, so that a refusal in a message
   * arrives before the RESET that follows it. Returns whether a message was among them.
   */
  write(writer: BatchWriter, endBytes: number, withMessages: boolean, host: PingHost): boolean {
    this.#writePings(writer, endBytes, host);
    const hasMessage = withMessages && this.#writeMessages(writer, endBytes);
    this.#writeResets(writer, endBytes);
    this.#writeCredits(writer, endBytes);
    const { goAway } = this;
    if (goAway !== undefined && writer.bytes + FRAME_HEADER_BYTES + goAway.length <= endBytes) {
      this.goAway = undefined;
      this.#header(writer, FrameType.GOAWAY, 0, goAway.length);
      writer.copy(goAway);
    }
    return hasMessage;
  }

  #writePings(writer: BatchWriter, endBytes: number, host: PingHost): void {
    if (this.pong !== undefined && writer.bytes + pingFrameBytes <= endBytes) {
      this.#header(writer, FrameType.PONG, 0, pingBytes);
      writer.copy(this.pong);
      this.pong = undefined;
    }
    if (this.ping !== undefined && writer.bytes + pingFrameBytes <= endBytes) {
      this.#header(writer, FrameType.PING, 0, pingBytes);
      writer.copy(this.ping);
      this.ping = undefined;
      host.onPingSent();
    }
  }

  #writeMessages(writer: BatchWriter, endBytes: number): boolean {
    let hasMessage = false;
    for (let message = this.#messages.first; message !== undefined; message = this.#messages.first) {
      const frameBytes = FRAME_HEADER_BYTES + message.body.length;
      if (writer.bytes + frameBytes > endBytes) break;
      this.#messages.shift();
      this.unsentBytes -= frameBytes;
      this.#header(writer, FrameType.MESSAGE, message.streamId, message.body.length);
      writer.body(message.body);
      hasMessage = true;
    }
    return hasMessage;
  }

  #writeResets(writer: BatchWriter, endBytes: number): void {
    while (this.#resets.length > 0 && writer.bytes + resetFrameBytes <= endBytes) {
      this.unsentBytes -= resetFrameBytes;
      this.#header(writer, FrameType.RESET, this.#resets.shift()!, 2);
      writer.uint16(this.#resets.shift()!);
      this.resetsSent += 1;
    }
  }

  #writeCredits(writer: BatchWriter, endBytes: number): void {
    while (this.#credits.length > 0 && writer.bytes + creditFrameBytes <= endBytes) {
      const stream = this.#credits.shift()!;
      if (!stream.isCreditListed) continue;
      stream.isCreditListed = false;
      this.#creditsDue -= 1;
      stream.isAnswered ||= stream.isInbound;
      this.#header(writer, FrameType.CREDIT, stream.id, 4);
      writer.uint32(stream.window.takeCredit());
    }
  }

  #header(writer: BatchWriter, type: number, streamId: number, bodyLength: number): void {
    this.framesSent += 1;
    writer.header(type, 0, streamId, bodyLength);
  }
}
