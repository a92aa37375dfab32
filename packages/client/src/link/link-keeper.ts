import type { GoAway } from '@sealane/mux';
import { type Clock, type RandomBytes, SealaneError, type Timer } from '@sealane/types';
import { abortedBy, whenAborted } from '../abort-signal.js';
import { asSealaneError } from '../as-sealane-error.js';
import type { LinkStatus, LinkUse, StatusListener } from '../status.js';
import { Backoff } from './backoff.js';
import type { RelayLink } from './relay-link.js';
import type { ClientTimingConfig } from './timing.js';

export interface LinkAttempt {
  readonly signal: AbortSignal;
  readonly onUp: (link: RelayLink) => void;
  readonly onEnd: (link: RelayLink, error: SealaneError) => void;
  readonly onGoAway: (link: RelayLink, goAway: GoAway) => void;
}

export interface LinkKeeperOptions {
  readonly url: string;
  readonly use: LinkUse;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly timing: ClientTimingConfig;
  readonly onStatus: StatusListener;
  /** Opens a transport and starts to authenticate; rejects when there is no transport. */
  readonly openLink: (attempt: LinkAttempt) => Promise<RelayLink>;
  readonly onUp?: (link: RelayLink) => void;
  readonly onDown?: (link: RelayLink, error: SealaneError) => void;
  /** The relay does not let this client in, and names no time: there is no other attempt until somebody asks for a link. */
  readonly onDenied?: ((error: SealaneError) => void) | undefined;
  /** The relay said goodbye on the link: what is on it had better move. */
  readonly onDraining?: (link: RelayLink) => void;
}

interface Waiter {
  readonly resolve: (link: RelayLink) => void;
  readonly reject: (error: SealaneError) => void;
  readonly failFast: boolean;
}

type KeeperState =
  | { readonly step: 'idle' }
  | { readonly step: 'connecting'; readonly abort: AbortController }
  | { readonly step: 'up'; readonly link: RelayLink; readonly sinceMs: number }
  | { readonly step: 'waiting'; readonly timer: Timer; readonly untilMs: number }
  | { readonly step: 'closed'; readonly error: SealaneError };

/** Links that drain at once; the oldest is closed beyond them, so that no relay can make a client hold many. */
const MAX_DRAINING = 3;
/** A link that stayed up for this long was a success; one that ends sooner counts as a failed attempt. */
const STABLE_MS = 5_000;

/** Keeps one link to one relay: reconnects with full jitter and hands the link to who waits for it. */
export class LinkKeeper {
  readonly #options: LinkKeeperOptions;
  readonly #backoff: Backoff;
  readonly #waiters = new Set<Waiter>();
  /** Links that still carry sessions, but no new ones: the relay said goodbye on them. */
  readonly #draining = new Set<RelayLink>();
  #state: KeeperState = { step: 'idle' };
  #needs = 0;

  constructor(options: LinkKeeperOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.timing, options.random);
  }

  /** The link in use, if one is up. */
  get current(): RelayLink | undefined {
    // What is told of its end first may ask here before the keeper itself was told.
    return this.#state.step === 'up' && this.#state.link.isUp ? this.#state.link : undefined;
  }

  /** What is to be seen of the link now. */
  get status(): LinkStatus {
    const { use, url } = this.#options;
    const state = this.#state;
    if (state.step === 'up') {
      const { relay, rttMs } = state.link;
      return { use, url, state: 'up', relayId: relay.relayId, rttMs, retryInMs: undefined };
    }
    const retryInMs = state.step === 'waiting' ? Math.max(0, state.untilMs - this.#options.clock.nowMs()) : undefined;
    return { use, url, state: state.step, relayId: undefined, rttMs: undefined, retryInMs };
  }

  /** Connects if that has not begun. */
  start(): void {
    if (this.#state.step === 'idle') this.#connect();
  }

  /**
   * The link, as soon as one is up. With `failFast` the first failed attempt rejects; without, only what another
   * attempt cannot change does, or the signal (ERR_ABORTED), or `close` (ERR_CLOSED).
   */
  acquire(
    options: { readonly signal?: AbortSignal | undefined; readonly failFast?: boolean } = {},
  ): Promise<RelayLink> {
    const { signal, failFast = false } = options;
    if (this.#state.step === 'closed') return Promise.reject(this.#state.error);
    if (signal?.aborted) return Promise.reject(abortedBy(signal));
    const { current } = this;
    if (current !== undefined) return Promise.resolve(current);
    return new Promise((resolve, reject) => {
      const settled =
        <T>(call: (value: T) => void) =>
        (value: T): void => {
          this.#waiters.delete(waiter);
          stop();
          call(value);
        };
      const waiter: Waiter = { failFast, resolve: settled(resolve), reject: settled(reject) };
      this.#waiters.add(waiter);
      const stop = whenAborted(signal, waiter.reject);
      this.start();
      this.#hasten();
    });
  }

  /** Something depends on the link for as long as it is not released: reconnection does not wait for long. */
  need(): () => void {
    this.#needs += 1;
    this.#hasten();
    let released = false;
    return () => {
      if (!released) this.#needs -= 1;
      released = true;
    };
  }

  /** Ends the link and every attempt. Resolves when all that was said on it has left this process. Idempotent. */
  async close(error: SealaneError = new SealaneError('ERR_CLOSED')): Promise<void> {
    const state = this.#state;
    if (state.step === 'closed') return;
    this.#state = { step: 'closed', error };
    if (state.step === 'connecting') state.abort.abort();
    if (state.step === 'waiting') state.timer.cancel();
    for (const waiter of [...this.#waiters]) waiter.reject(error);
    const links = state.step === 'up' ? [state.link, ...this.#draining] : [...this.#draining];
    const flushed = links.map((link) => link.close(error));
    const { onStatus, use, url } = this.#options;
    onStatus({ type: 'link', state: 'closed', use, url, ...(error.code === 'ERR_CLOSED' ? {} : { error }) });
    await Promise.all(flushed);
  }

  get #isAwaited(): boolean {
    return this.#waiters.size > 0 || this.#needs > 0;
  }

  #connect(): void {
    const abort = new AbortController();
    this.#state = { step: 'connecting', abort };
    const { url, use, onStatus, openLink } = this.#options;
    onStatus({ type: 'link', state: 'connecting', use, url });
    openLink({
      signal: abort.signal,
      onUp: (link) => this.#onUp(abort, link),
      onEnd: (link, error) => this.#onEnd(abort, link, error),
      onGoAway: (link, goAway) => this.#onGoAway(link, goAway),
    }).catch((error: unknown) => this.#onFailure(abort, asSealaneError(error)));
  }

  #onUp(attempt: AbortController, link: RelayLink): void {
    if (this.#state.step !== 'connecting' || this.#state.abort !== attempt) {
      void link.close();
      return;
    }
    const { clock, onStatus, use, url, onUp } = this.#options;
    this.#state = { step: 'up', link, sinceMs: clock.nowMs() };
    onStatus({ type: 'link', state: 'up', use, url, relayId: link.relay.relayId });
    onUp?.(link);
    for (const waiter of [...this.#waiters]) waiter.resolve(link);
  }

  #onEnd(attempt: AbortController, link: RelayLink, error: SealaneError): void {
    this.#draining.delete(link);
    const state = this.#state;
    if (state.step === 'connecting' && state.abort === attempt) {
      this.#onFailure(attempt, error);
      return;
    }
    if (state.step === 'up' && state.link === link) {
      if (this.#options.clock.nowMs() - state.sinceMs >= STABLE_MS) this.#backoff.reset();
      // Bytes that were damaged on their way read like this: the next link is as good as after a cut.
      this.#wait(error, 0, error.retryable || error.code === 'ERR_RELAY_MALFORMED');
    }
    this.#options.onDown?.(link, error);
  }

  #onGoAway(link: RelayLink, goAway: GoAway): void {
    if (this.#state.step !== 'up' || this.#state.link !== link) return;
    this.#draining.add(link);
    const error = new SealaneError('ERR_RELAY_DRAINING', undefined, { retryable: true });
    if (this.#options.clock.nowMs() - this.#state.sinceMs >= STABLE_MS) this.#backoff.reset();
    // Everybody who was on the relay hears this at once, so the return is spread over twice the time it asks for.
    const spreadMs = Math.min(goAway.retryAfterMs, this.#options.timing.reconnectMaxMs);
    this.#wait(error, spreadMs + this.#backoff.fractionOf(spreadMs));
    this.#options.onDraining?.(link);
    const [oldest] = this.#draining;
    if (oldest !== undefined && this.#draining.size > MAX_DRAINING) void oldest.close(error);
  }

  #onFailure(attempt: AbortController, error: SealaneError): void {
    if (this.#state.step !== 'connecting' || this.#state.abort !== attempt) return;
    for (const waiter of [...this.#waiters]) {
      if (waiter.failFast || !error.retryable) waiter.reject(error);
    }
    const onDenied = error.code === 'ERR_RELAY_DENIED' && !error.details['value'] && this.#options.onDenied;
    if (onDenied) onDenied(error);
    // Who looks for another path would ask again at once.
    if (!onDenied || this.#isAwaited) this.#wait(error);
    else this.#state = { step: 'idle' };
  }

  #wait(error: SealaneError, leastMs = 0, isSoon = error.retryable): void {
    const { onStatus, use, url } = this.#options;
    const retryInMs = Math.max(leastMs, this.#backoff.nextMs(this.#isAwaited && isSoon));
    this.#sleep(retryInMs);
    const attempt = this.#backoff.attempts;
    onStatus({ type: 'link', state: 'waiting', use, url, attempt, retryInMs, error });
  }

  #sleep(delayMs: number): void {
    const { clock } = this.#options;
    const timer = clock.schedule(delayMs, () => this.#connect());
    this.#state = { step: 'waiting', timer, untilMs: clock.nowMs() + delayMs };
  }

  /** Somebody waits now: a long pause is cut to one of the short ones. */
  #hasten(): void {
    const state = this.#state;
    if (state.step !== 'waiting') return;
    const { clock, timing } = this.#options;
    if (state.untilMs - clock.nowMs() <= timing.reconnectWaitingMaxMs) return;
    state.timer.cancel();
    this.#sleep(this.#backoff.fractionOf(timing.reconnectWaitingMaxMs));
  }
}
