import type { MuxStream, StreamHandler } from '@sealane/mux';
import { seededRandom, type VirtualClock } from '@sealane/testkit';
import type { HalfPlan } from './plan.js';

/** Every stream sends a piece of this, from an offset of its own. */
const pattern = seededRandom(1).fill(new Uint8Array(1 << 18));
const patternPeriod = pattern.length - 131_072;

/** The user of one end of an inner stream: writes by its plan, reads by its plan, and checks every byte. */
export class Application implements StreamHandler {
  stream: MuxStream | undefined;
  receivedBytes = 0;
  sentBytes = 0;
  hasEnded = false;
  isReset = false;
  peakQueuedBytes = 0;
  /** Something was read, written to its end or reset. */
  onProgress: () => void = () => undefined;
  readonly #clock: VirtualClock;
  readonly #plan: HalfPlan;
  readonly #peerPlan: HalfPlan;
  readonly #sendOffset: number;
  readonly #receiveOffset: number;
  /** The stream before this one is over. */
  #isPreviousOver = false;
  #unread = 0;
  #isReading = false;
  #isDone = false;

  constructor(clock: VirtualClock, plan: HalfPlan, peerPlan: HalfPlan, sendKey: number, receiveKey: number) {
    this.#clock = clock;
    this.#plan = plan;
    this.#peerPlan = peerPlan;
    this.#sendOffset = (sendKey * 7_919) % patternPeriod;
    this.#receiveOffset = (receiveKey * 7_919) % patternPeriod;
  }

  /** Both directions ended with all their bytes. */
  get isComplete(): boolean {
    return this.hasEnded && this.#isDone && this.receivedBytes === this.#peerPlan.sendBytes && this.#unread === 0;
  }

  /** Bytes delivered and not read. */
  get unreadBytes(): number {
    return this.isReset ? 0 : this.#unread;
  }

  onPreviousOver(): void {
    this.#isPreviousOver = true;
    this.#read();
  }

  start(): void {
    if (!this.#plan.waitsForEnd) this.#write();
  }

  reset(code: number): void {
    if (this.stream?.isClosed !== false) return;
    this.isReset = true;
    this.stream.reset(code);
    this.onProgress();
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (this.hasEnded || this.isReset) throw new Error('data after the end');
    const start = this.#receiveOffset + this.receivedBytes;
    const expected = pattern.subarray(start, start + chunk.length);
    if (Buffer.compare(expected, chunk) !== 0) throw new Error('a wrong byte, or one in the wrong place');
    this.receivedBytes += chunk.length;
    if (this.receivedBytes > this.#peerPlan.sendBytes) throw new Error('more bytes than were sent');
    this.#unread += chunk.length;
    this.hasEnded = fin;
    if (fin && chunk.length === 0) this.onProgress();
    if (fin && this.receivedBytes !== this.#peerPlan.sendBytes) throw new Error('an end before the last byte');
    this.#read();
    if (fin && this.#plan.waitsForEnd) this.#write();
  }

  onReset(): void {
    if (this.isReset) throw new Error('reset twice');
    this.isReset = true;
    this.onProgress();
  }

  onSent(): void {
    if (!this.#plan.waitsForEnd || this.hasEnded) this.#write();
  }

  #write(): void {
    const stream = this.stream!;
    const { sendBytes, chunkBytes, maxQueuedBytes } = this.#plan;
    while (this.sentBytes < sendBytes && stream.queuedBytes < maxQueuedBytes) {
      const length = Math.min(chunkBytes, sendBytes - this.sentBytes);
      const start = this.#sendOffset + this.sentBytes;
      this.sentBytes += length;
      stream.write(pattern.subarray(start, start + length));
    }
    this.peakQueuedBytes = Math.max(this.peakQueuedBytes, stream.queuedBytes);
    if (this.sentBytes < sendBytes || this.#isDone) return;
    this.#isDone = true;
    stream.end();
    this.onProgress();
  }

  #read(): void {
    const { reader } = this.#plan;
    if (this.#unread === 0 || this.#isReading || this.isReset) return;
    const nowMs = this.#clock.nowMs();
    if (reader.kind === 'eager' || (reader.kind === 'stalled' && nowMs >= reader.untilMs)) {
      this.#consume(this.#unread);
      return;
    }
    if (reader.kind === 'after-previous') {
      if (this.#isPreviousOver) this.#consume(this.#unread);
      return;
    }
    this.#isReading = true;
    const delayMs = reader.kind === 'slow' ? reader.everyMs : reader.untilMs - nowMs;
    this.#clock.schedule(delayMs, () => {
      this.#isReading = false;
      if (this.isReset) return;
      if (reader.kind === 'slow') this.#consume(Math.min(reader.bytes, this.#unread));
      this.#read();
    });
  }

  #consume(bytes: number): void {
    this.#unread -= bytes;
    this.stream!.consume(bytes);
    this.onProgress();
  }
}
