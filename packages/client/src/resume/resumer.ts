import { isSealaneError, LinkFeature, ProofKind, ResumptionLimit } from '@sealane/types';
import { pause } from '../abort-signal.js';
import type { ClientContext } from '../client-context.js';
import { Backoff } from '../link/backoff.js';
import { present } from '../link/present.js';
import type { RelayLink } from '../link/relay-link.js';
import type { DialTicket } from '../options.js';
import type { ResumeHalf } from '../session/resume-half.js';
import type { SecureConnection } from '../session/secure-connection.js';
import { ResumePath } from './resume-path.js';

/** Where a session may look for its next path. */
export interface ResumeLinks {
  /** A link that is up now or comes up, not one of `tried`, which is emptied when that is all of them. Rejects with ERR_CLOSED and ERR_ABORTED. */
  acquire(signal: AbortSignal, tried: Set<string>): Promise<RelayLink>;
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
  /** The link of the handshake. */
  readonly firstLink: RelayLink;
  /** Smallest round trip of the handshake, in milliseconds. */
  readonly handshakeMs: number;
  /** Shown to the relay of every attempt. */
  readonly ticket?: DialTicket | undefined;
  /** An attempt failed over a link that was up: the owner's process may not be there any more. */
  readonly onFailed?: ((connection: SecureConnection, link: RelayLink) => void) | undefined;
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
  #carrier: { readonly link: RelayLink; readonly recordsReceived: number };

  constructor(options: ResumerOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.context.timing, options.context.random);
    this.#carrier = { link: options.firstLink, recordsReceived: 0 };
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
      await this.#attempt(link, 0);
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
    const { connection, links } = this.#options;
    const release = links.need();
    const tried = this.#lastCarrier();
    try {
      for (let attempt = 0; connection.isSuspended; attempt++) {
        const link = await this.#acquire(tried);
        if (!connection.isSuspended) return;
        // None could be had, or it came up and went again before this turn.
        if (link?.isUp === true) {
          tried.add(link.relay.relayId);
          if (await this.#attempt(link, attempt)) return;
          this.#options.onFailed?.(connection, link);
        }
        await pause(this.#options.context.clock, this.#backoff.nextMs(true), this.#stop.signal);
      }
    } catch (error) {
      // The client closes, or the session is over: both are told elsewhere.
      if (!isSealaneError(error, 'ERR_ABORTED', 'ERR_CLOSED')) connection.abort(error);
    } finally {
      release();
    }
  }

  /** Undefined where every relay refused the link: that is the word of relays, and the session has its time. */
  async #acquire(tried: Set<string>): Promise<RelayLink | undefined> {
    try {
      return await this.#options.links.acquire(this.#stop.signal, tried);
    } catch (error) {
      if (!isSealaneError(error) || isSealaneError(error, 'ERR_ABORTED', 'ERR_CLOSED')) throw error;
      return undefined;
    }
  }

  /**
   * The relay whose path broke while the link to it is up, be it that nothing came or that a record did not open: it is
   * tried last.
   */
  #lastCarrier(): Set<string> {
    const { connection, links } = this.#options;
    const { link, recordsReceived } = this.#carrier;
    if (connection.statistics.recordsReceived <= recordsReceived) links.report(link, false);
    return link.isUp ? new Set([link.relay.relayId]) : new Set();
  }

  async #attempt(link: RelayLink, attempt: number): Promise<boolean> {
    const { connection, links } = this.#options;
    const isGood = await this.#ask(link, attempt);
    links.report(link, isGood);
    if (isGood) this.#carrier = { link, recordsReceived: connection.statistics.recordsReceived };
    return isGood;
  }

  async #ask(link: RelayLink, attempt: number): Promise<boolean> {
    if ((link.relay.features & LinkFeature.RESUME) === 0) return false;
    const { context, half, connection, handshakeMs, ticket } = this.#options;
    await present(link, ProofKind.TICKET, ticket?.bytes);
    if (!link.isUp) return false;
    const leastMs = Math.max(ResumptionLimit.attemptMinMs, 3 * handshakeMs);
    const limitMs = Math.min(ResumptionLimit.attemptMaxMs, leastMs * 2 ** Math.min(attempt, 10));
    return await new Promise((resolve) => {
      const path = new ResumePath({ context, link, half, connection, limitMs, resolve });
      path.start(this.#stop.signal);
    });
  }
}
