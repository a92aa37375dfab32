import { type Clock, SessionLimit, type Timer } from '@sealane/types';

/**
 * When an ack is due for what was opened (v1.md, "Acks"): at once for CONFIRM and CLOSE, after 128 KiB or 64 records,
 * and 250 ms after any other record that is not a pure ack. One timer per session.
 */
export class AckState {
  isDue = false;
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #records = 0;
  #bytes = 0;
  #oldestMs: number | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** A record was opened. `kind`: 'urgent' is acked at once, 'data' within the delay, 'quiet' only by count. */
  onRecord(ciphertextBytes: number, kind: 'urgent' | 'data' | 'quiet'): void {
    this.#records += 1;
    this.#bytes += ciphertextBytes;
    if (this.isDue) return;
    if (kind === 'urgent' || this.#bytes >= SessionLimit.ackBytes || this.#records >= SessionLimit.ackRecords) {
      this.isDue = true;
      this.#onDue();
    } else if (kind === 'data' && this.#oldestMs === undefined) {
      this.#oldestMs = this.#clock.nowMs();
      this.#timer ??= this.#clock.schedule(SessionLimit.ackDelayMs, this.#onTimer);
    }
  }

  /** An ack for everything opened so far is in the record that is being sealed. */
  onSent(): void {
    this.isDue = false;
    this.#records = 0;
    this.#bytes = 0;
    this.#oldestMs = undefined;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  // An ack that left meanwhile does not cancel the timer: a busy session keeps one timer going instead of one per record.
  readonly #onTimer = (): void => {
    this.#timer = undefined;
    if (this.#oldestMs === undefined || this.isDue) return;
    const leftMs = this.#oldestMs + SessionLimit.ackDelayMs - this.#clock.nowMs();
    if (leftMs > 0) {
      this.#timer = this.#clock.schedule(leftMs, this.#onTimer);
      return;
    }
    this.isDue = true;
    this.#onDue();
  };
}
