import { Fifo } from './fifo.js';
import { type StreamCore, Turn } from './stream-core.js';

/** Four turns cover the largest body, so a stream waits for at most three rounds before a full frame. */
export const quantumBytes = 16_640;
/** Data of streams that just became ready before the others get a turn: new streams cannot starve old ones. */
const freshShareBytes = 65_536;

/**
 * Deficit round robin in which a stream that just became ready goes first with one quantum, so that an interactive
 * stream does not wait for the bulk ones. Every operation takes constant time; a frame costs a constant number of them.
 */
export class Scheduler {
  /** Streams that could send now. */
  readyCount = 0;
  readonly #fresh: Fifo<StreamCore> = new Fifo();
  readonly #round: Fifo<StreamCore> = new Fifo();
  #freshBytes = 0;

  /** The stream's `isReady` changed. */
  change(stream: StreamCore): void {
    if (!stream.isReady) {
      this.readyCount -= 1;
      return;
    }
    this.readyCount += 1;
    if (stream.turn !== Turn.NONE) return;
    stream.turn = Turn.FRESH;
    stream.deficitBytes = quantumBytes;
    this.#fresh.push(stream);
  }

  /** The stream whose turn it is; call `sent` or `endTurn` for it before asking again. */
  next(): StreamCore | undefined {
    while (this.readyCount > 0) {
      const list = this.#currentList();
      const stream = list.first!;
      if (!stream.isReady) {
        list.shift();
        stream.turn = Turn.NONE;
        stream.isInTurn = false;
        continue;
      }
      if (stream.turn === Turn.ROUND && !stream.isInTurn) {
        stream.isInTurn = true;
        stream.deficitBytes += quantumBytes;
        this.#freshBytes = 0;
      }
      return stream;
    }
    return undefined;
  }

  /** Charges a frame to the stream whose turn it is. */
  sent(stream: StreamCore, bytes: number): void {
    stream.deficitBytes -= bytes;
    if (stream.turn === Turn.FRESH) this.#freshBytes += bytes;
    if (!stream.isReady) this.endTurn(stream);
  }

  /**
   * The stream has sent what it may, or all it had. It keeps a place in the round for one more turn even when it is
   * empty, so that going quiet for a moment gains nothing.
   */
  endTurn(stream: StreamCore): void {
    const list = stream.turn === Turn.FRESH ? this.#fresh : this.#round;
    list.shift();
    stream.isInTurn = false;
    if (!stream.isReady && (stream.turn === Turn.ROUND || this.#round.length === 0)) {
      stream.turn = Turn.NONE;
      return;
    }
    if (!stream.isReady) stream.deficitBytes = Math.min(stream.deficitBytes, 0);
    stream.turn = Turn.ROUND;
    this.#round.push(stream);
  }

  clear(): void {
    this.#fresh.clear();
    this.#round.clear();
    this.readyCount = 0;
  }

  #currentList(): Fifo<StreamCore> {
    if (this.#fresh.length === 0) return this.#round;
    return this.#round.length > 0 && this.#freshBytes >= freshShareBytes ? this.#round : this.#fresh;
  }
}
