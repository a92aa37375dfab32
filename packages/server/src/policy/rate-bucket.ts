import { TokenBucket } from '../token-bucket.js';

/** Something that waits until bytes may pass. */
export interface Paced {
  /** Lets one piece pass, or waits elsewhere. */
  resume(nowMs: number): void;
}

/** Bytes per second, and who waits for them, in order. Overdrawn by up to one piece, which is then waited for. */
export class RateBucket extends TokenBucket {
  readonly waiting: Set<Paced> = new Set();
}
