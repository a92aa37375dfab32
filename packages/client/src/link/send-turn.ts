import { deferTurn } from '#transport';

/** Something that has data to seal for this link. */
export interface RecordSource {
  /** The turn's: it has a place in the line. */
  isWaiting: boolean;
  /** Seals and writes at most one record. False when it has nothing (more) that it can send now. */
  sendRecord(): boolean;
}

export interface SendTurnTarget {
  /** There is room for another record before the socket's queue is full. */
  hasRoom(): boolean;
  /** Hands everything that was written to the socket. */
  flush(): void;
}

/**
 * Sends once per turn of the event loop, after all input of the turn was read: small writes of many streams share a
 * record and records share a socket write. Sources take turns record by record, so none holds the link.
 */
export class SendTurn {
  readonly #target: SendTurnTarget;
  #waiting: RecordSource[] = [];
  #isScheduled = false;
  #isStopped = false;

  constructor(target: SendTurnTarget) {
    this.#target = target;
  }

  /** Asks `source` for records in the next turn with room. */
  add(source: RecordSource): void {
    if (!source.isWaiting) this.#waiting.push(source);
    source.isWaiting = true;
    this.schedule();
  }

  remove(source: RecordSource): void {
    // Its place is passed over.
    source.isWaiting = false;
  }

  schedule(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    deferTurn(this.#run);
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
  }

  readonly #run = (): void => {
    if (this.#isStopped) return;
    let done = 0;
    // A source that is added again goes to the end.
    for (const source of this.#waiting) {
      if (!this.#target.hasRoom()) break;
      done += 1;
      if (!source.isWaiting) continue;
      source.isWaiting = false;
      if (source.sendRecord()) this.add(source);
    }
    this.#waiting = this.#waiting.slice(done);
    // What was written up to here is not to be scheduled again.
    this.#isScheduled = false;
    this.#target.flush();
  };
}
