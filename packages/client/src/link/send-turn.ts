import { deferTurn } from '#transport';

/** Something that has data to seal for this link. */
export interface RecordSource {
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
  readonly #waiting = new Set<RecordSource>();
  #isScheduled = false;
  #isStopped = false;

  constructor(target: SendTurnTarget) {
    this.#target = target;
  }

  /** Asks `source` for records in the next turn with room. */
  add(source: RecordSource): void {
    this.#waiting.add(source);
    this.schedule();
  }

  remove(source: RecordSource): void {
    this.#waiting.delete(source);
  }

  schedule(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    deferTurn(this.#run);
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting.clear();
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    if (this.#isStopped) return;
    // A set keeps its order, and a source that is added again goes to its end.
    for (const source of this.#waiting) {
      if (!this.#target.hasRoom()) break;
      this.#waiting.delete(source);
      if (source.sendRecord()) this.#waiting.add(source);
    }
    this.#target.flush();
  };
}
