/** A scheduled callback that has not run yet. */
export interface Timer {
  /** Idempotent; after it the callback does not run. */
  cancel(): void;
}

/**
 * Time as an argument, so that tests are exact and simulations possible.
 * Monotonic time may stop while a machine sleeps; wall time may jump.
 */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin. */
  nowMs(): number;
  /** Unix time in milliseconds. */
  wallMs(): number;
  /** Runs `callback` once after at least `delayMs`. */
  schedule(delayMs: number, callback: () => void): Timer;
}

/** Randomness as an argument: fills and returns a new array of `length` bytes. */
export type RandomBytes = (length: number) => Uint8Array;

/** The clock of the platform. It uses the global timers, so fake timers of a test runner apply. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** The generator of the platform (`crypto.getRandomValues`). */
export const systemRandomBytes: RandomBytes = (length) => {
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += 65_536) {
    crypto.getRandomValues(bytes.subarray(offset, Math.min(length, offset + 65_536)));
  }
  return bytes;
};
