import type { StreamHandler } from '@sealane/mux';
import { seededRandom, type VirtualClock } from '@sealane/testkit';
import { isSealaneError, type ResetCode, type SealaneError } from '@sealane/types';
import type { EndOfStream } from '../../src/session/sent-records.js';
import type { HalfPlan } from './plan.js';

/** Every direction sends a piece of this, from an offset of its own. */
const pattern = seededRandom(1).fill(new Uint8Array(1 << 19));
const offsets = pattern.length - 262_144;
/** What a writer lets wait in its stream. */
const AHEAD_BYTES = 65_536;

/** What a stream of the mux and one of a connection have in common. */
export interface UsedStream {
  readonly queuedBytes: number;
  /** Of the mux's alone: delivered and not consumed. */
  readonly heldBytes?: number;
  write(chunk: Uint8Array): void;
  end(): void;
  reset(code: ResetCode): void;
  consume(bytes: number): void;
}

/** The user of one end of a stream: writes and reads by its plan, and checks every byte. */
export class StreamUser implements StreamHandler, EndOfStream {
  stream!: UsedStream;
  receivedBytes = 0;
  sentBytes = 0;
  hasEnd = false;
  isEndAcknowledged = false;
  error: SealaneError | undefined;
  readonly #clock: VirtualClock;
  readonly #plan: HalfPlan;
  readonly #peerPlan: HalfPlan;
  readonly #sendOffset: number;
  readonly #receiveOffset: number;
  #unread = 0;
  #isReading = false;
  #isWaiting = false;
  #hasRested = false;
  #hasEnded = false;

  constructor(clock: VirtualClock, plan: HalfPlan, peerPlan: HalfPlan, sendKey: number, receiveKey: number) {
    this.#clock = clock;
    this.#plan = plan;
    this.#peerPlan = peerPlan;
    this.#sendOffset = (sendKey * 7_919) % offsets;
    this.#receiveOffset = (receiveKey * 7_919) % offsets;
  }

  /** Both directions came to their authenticated end, and each side knows of its own. */
  get isComplete(): boolean {
    return this.error === undefined && this.hasEnd && this.isEndAcknowledged && this.#unread === 0;
  }

  get isOver(): boolean {
    return this.isComplete || this.error !== undefined;
  }

  start(stream: UsedStream): void {
    this.stream = stream;
    this.#write();
  }

  reset(code: ResetCode, error: SealaneError): void {
    if (this.isOver) return;
    this.stream.reset(code);
    this.error = error;
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (this.hasEnd) throw new Error('data after the end');
    if (this.error !== undefined) throw new Error('data after a reset');
    const start = this.#receiveOffset + this.receivedBytes;
    this.receivedBytes += chunk.length;
    if (this.receivedBytes > this.#peerPlan.sendBytes) throw new Error('more bytes than were sent');
    if (Buffer.compare(pattern.subarray(start, start + chunk.length), chunk) !== 0) {
      throw new Error('a wrong byte, or one in the wrong place');
    }
    this.#unread += chunk.length;
    this.hasEnd = fin;
    if (fin && this.receivedBytes !== this.#peerPlan.sendBytes) throw new Error('an end before the last byte');
    this.#read();
  }

  onReset(error: SealaneError): void {
    this.#fail(error);
  }

  onSent(): void {
    this.#write();
  }

  onDrain(): void {
    this.#write();
  }

  onEndAcknowledged(): void {
    if (this.isEndAcknowledged) throw new Error('an end acknowledged twice');
    if (this.error === undefined) this.isEndAcknowledged = true;
  }

  onEndLost(error: SealaneError): void {
    // As a real stream does: nothing follows, so what was not read is not charged any more.
    this.stream.consume(this.stream.heldBytes ?? 0);
    this.#fail(error);
  }

  #fail(error: SealaneError): void {
    if (!isSealaneError(error)) throw new Error('an error without a code');
    // As at a real stream: after both ends nothing can happen to it, and a first error stays.
    if (this.hasEnd && this.isEndAcknowledged) return;
    this.error ??= error;
  }

  #write(): void {
    if (this.#hasEnded || this.#isWaiting || this.error !== undefined) return;
    const { sendBytes, chunkBytes, gapMs, restMs } = this.#plan;
    while (this.sentBytes < sendBytes && this.stream.queuedBytes < AHEAD_BYTES) {
      if (restMs > 0 && !this.#hasRested && this.sentBytes * 2 >= sendBytes) {
        this.#hasRested = true;
        this.#wait(restMs);
        return;
      }
      const length = Math.min(chunkBytes, sendBytes - this.sentBytes);
      const start = this.#sendOffset + this.sentBytes;
      this.sentBytes += length;
      this.stream.write(pattern.subarray(start, start + length));
      if (gapMs === 0) continue;
      this.#wait(gapMs);
      return;
    }
    if (this.sentBytes < sendBytes) return;
    this.#hasEnded = true;
    this.stream.end();
  }

  #wait(delayMs: number): void {
    this.#isWaiting = true;
    this.#clock.schedule(delayMs, () => {
      this.#isWaiting = false;
      this.#write();
    });
  }

  #read(): void {
    const { reader } = this.#plan;
    if (this.#unread === 0 || this.#isReading || this.error !== undefined) return;
    const nowMs = this.#clock.nowMs();
    if (reader.kind === 'eager' || (reader.kind === 'stalled' && nowMs >= reader.untilMs)) {
      this.#consume(this.#unread);
      return;
    }
    this.#isReading = true;
    this.#clock.schedule(reader.kind === 'slow' ? reader.everyMs : reader.untilMs - nowMs, () => {
      this.#isReading = false;
      if (this.error !== undefined) return;
      if (reader.kind === 'slow') this.#consume(Math.min(reader.bytes, this.#unread));
      this.#read();
    });
  }

  #consume(bytes: number): void {
    this.#unread -= bytes;
    this.stream.consume(bytes);
  }
}
