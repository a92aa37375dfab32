import { isSealaneError, LinkFeature, ResumptionLimit } from '@sealane/types';
import type { ClientContext } from '../client-context.js';
import { Backoff } from '../link/backoff.js';
import type { RelayLink } from '../link/relay-link.js';
import type { ResumeHalf } from '../session/resume-half.js';
import type { SecureConnection } from '../session/secure-connection.js';
import { ResumePath } from './resume-path.js';

/** Where a session may look for its next path. */
export interface ResumeLinks {
  /** A link that is up now or comes up, not one of `tried` if there is another. Rejects with ERR_CLOSED and ERR_ABORTED. */
  acquire(signal: AbortSignal, tried: ReadonlySet<string>): Promise<RelayLink>;
  /** A link that is up to another relay than these, and sees this process of the owner; undefined if there is none. */
  findOther(connection: SecureConnection, signal: AbortSignal): Promise<RelayLink | undefined>;
  /** What came of an attempt over the link. */
  report(link: RelayLink, isGood: boolean): void;
  /** Somebody waits for a path until the returned function is called: reconnection does not wait for long. */
  need(): () => void;
}

export interface ResumerOptions {
  readonly context: ClientContext;
  readonly connection: SecureConnection;
  readonly half: ResumeHalf;
  readonly links: ResumeLinks;
  /** Smallest round trip of the handshake, in milliseconds. */
  readonly handshakeMs: number;
}

/**
 * The dialer's search for another path (v1.md, "Starting a path"): one RESUME at a time, over whatever link is up, each
 * with a number of its own, until one is accepted or the session is over.
 */
export class Resumer {
  readonly #options: ResumerOptions;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  #isRunning = false;
  /** The link of the present path, and what had come when the session moved there. */
  #carrier: { readonly link: RelayLink; readonly recordsReceived: number } | undefined;

  constructor(options: ResumerOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.context.timing, options.context.random);
  }

  /** Searches until the session has a path again. A search that is under way goes on. */
  start(): void {
    if (this.#isRunning || this.#stop.signal.aborted) return;
    this.#isRunning = true;
    void this.#run().finally(() => {
      this.#isRunning = false;
      // It broke again while the search was ending.
      if (this.#options.connection.isSuspended) this.start();
    });
  }

  /** Leaves a living path for one that is known to lead to the owner; where there is none, nothing happens. */
  move(): void {
    if (this.#isRunning || this.#stop.signal.aborted) return;
    this.#isRunning = true;
    void this.#moveOnce().finally(() => {
      this.#isRunning = false;
      if (this.#options.connection.isSuspended) this.start();
    });
  }

  async #moveOnce(): Promise<void> {
    const { links, connection } = this.#options;
    try {
      const link = await links.findOther(connection, this.#stop.signal);
      if (link === undefined || !link.isUp || connection.isSuspended || this.#stop.signal.aborted) return;
      links.report(link, await this.#attempt(link, 0));
    } catch (error) {
      // Staying where it is was the other possibility.
      if (!isSealaneError(error)) throw error;
    }
  }

  /** The session is over. */
  stop(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { links, connection } = this.#options;
    const release = links.need();
    const tried = this.#unfruitful();
    try {
      for (let attempt = 0; connection.isSuspended; attempt++) {
        const link = await links.acquire(this.#stop.signal, tried);
        if (!connection.isSuspended) return;
        // It came up and went again before this turn.
        if (!link.isUp) continue;
        tried.add(link.relay.relayId);
        const isGood = await this.#attempt(link, attempt);
        links.report(link, isGood);
        if (isGood) {
          this.#carrier = { link, recordsReceived: connection.statistics.recordsReceived };
          return;
        }
        await this.#pause();
      }
    } catch (error) {
      // The client closes, or the session is over: both are told elsewhere.
      if (!isSealaneError(error, 'ERR_ABORTED', 'ERR_CLOSED')) connection.abort(error);
    } finally {
      release();
    }
  }

  /** A relay over which the session was resumed and nothing came: it is tried last. */
  #unfruitful(): Set<string> {
    const { connection, links } = this.#options;
    const carrier = this.#carrier;
    this.#carrier = undefined;
    if (carrier === undefined || connection.statistics.recordsReceived > carrier.recordsReceived) return new Set();
    links.report(carrier.link, false);
    return carrier.link.isUp ? new Set([carrier.link.relay.relayId]) : new Set();
  }

  #attempt(link: RelayLink, attempt: number): Promise<boolean> {
    if ((link.relay.features & LinkFeature.RESUME) === 0) return Promise.resolve(false);
    const { context, half, connection, handshakeMs } = this.#options;
    const leastMs = Math.max(ResumptionLimit.attemptMinMs, 3 * handshakeMs);
    const limitMs = Math.min(ResumptionLimit.attemptMaxMs, leastMs * 2 ** Math.min(attempt, 10));
    return new Promise((resolve) => {
      const path = new ResumePath({ context, link, half, connection, limitMs, resolve });
      path.start(this.#stop.signal);
    });
  }

  #pause(): Promise<void> {
    const { clock } = this.#options.context;
    return new Promise((resolve) => {
      const { signal } = this.#stop;
      const timer = clock.schedule(this.#backoff.nextMs(true), done);
      function done(): void {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }
}
