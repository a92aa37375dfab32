/** A name from before this process. */
export interface JournalName {
  readonly name: string;
  /** Text id of its owner. */
  readonly id: string;
  /** Unix milliseconds; null where a lease used it when the process before ended: its grace begins now. */
  readonly keptUntilMs: number | null;
}

/**
 * Where names outlive the process: give one to `RelayServer.create({ names })`. All methods but `settled` are called
 * while a lease changes, and must not wait.
 */
export interface NameJournal {
  /** Every name that is somebody's. Asked once, at the start. */
  load(): Iterable<JournalName>;
  /** A lease of this owner takes the name. What it throws refuses the lease. */
  use(name: string, id: string): void;
  /** No lease uses the name any more; it is kept for its owner until then (Unix milliseconds). Does not throw. */
  keep(name: string, id: string, untilMs: number): void;
  /** The name is nobody's. Does not throw. */
  forget(name: string): void;
  /** Runs something that may call the others many times, so that they are one write. */
  together<T>(work: () => T): T;
  /** Resolves when all that was said before is safe. A lease with a name is confirmed only then. */
  settled(): Promise<void>;
}
