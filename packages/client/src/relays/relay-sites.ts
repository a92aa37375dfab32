import { type Clock, isSealaneError, SealaneError } from '@sealane/types';
import { pause, whenAborted } from '../abort-signal.js';
import type { RelayLink } from '../link/relay-link.js';
import type { LinkUse } from '../status.js';
import type { RelaySite } from './relay-site.js';

/** How long one relay has the field for itself before the next one is tried beside it. */
const STAGGER_MS = 250;

export interface AcquireOptions {
  readonly use?: LinkUse;
  readonly signal?: AbortSignal | undefined;
  /** The first failure of every relay rejects; without it they are tried until the signal ends it. */
  readonly failFast?: boolean;
  /** URLs of relays to take only if there is no other. */
  readonly avoid?: ReadonlySet<string>;
}

/** The relays of one client: which link to take, and a race between them where none is up. */
export class RelaySites {
  readonly all: readonly RelaySite[];
  readonly #clock: Clock;

  constructor(sites: readonly RelaySite[], clock: Clock) {
    this.all = sites;
    this.#clock = clock;
  }

  /** The relay that is asked first. */
  get first(): RelaySite {
    const [first] = this.all;
    if (first === undefined) throw new SealaneError('ERR_ARGUMENT', 'a client needs a relay');
    return first;
  }

  siteOf(link: RelayLink): RelaySite | undefined {
    return this.all.find((site) => site.isOf(link));
  }

  /**
   * A link: the best of those that are up, else the first that comes up, the relays tried 250 ms after one another.
   * Rejects with the first relay's error when every one fails at once, ERR_ABORTED, ERR_CLOSED.
   */
  acquireLink(options: AcquireOptions = {}): Promise<RelayLink> {
    const { use = 'dial', avoid, signal, failFast = false } = options;
    const sites = this.inOrder(avoid);
    if (sites.length === 1) return this.first.keeper(use).acquire({ signal, failFast });
    const up = sites.map((site) => site.keeper(use).current).find((link) => link !== undefined);
    // None is kept for long because it once was fast: one that may be better by now comes up for the next time.
    if (up !== undefined) sites[0]?.keeper(use).start();
    // One to avoid that is up is worth less than another one that may come up at once.
    if (up !== undefined && avoid?.has(this.siteOf(up)?.url ?? '') !== true) return Promise.resolve(up);
    return this.#race(sites, use, signal, failFast);
  }

  /** The best one first. */
  inOrder(avoid?: ReadonlySet<string>): readonly RelaySite[] {
    if (this.all.length === 1) return this.all;
    const costOf = (site: RelaySite): number => site.cost + (avoid?.has(site.url) === true ? 1e9 : 0);
    // The sort is stable: relays that do equally well keep the order that the user gave.
    return [...this.all].sort((a, b) => costOf(a) - costOf(b));
  }

  async #race(
    sites: readonly RelaySite[],
    use: LinkUse,
    signal: AbortSignal | undefined,
    failFast: boolean,
  ): Promise<RelayLink> {
    const stop = new AbortController();
    const unhook = whenAborted(signal, () => stop.abort(signal?.reason));
    try {
      return await Promise.any(sites.map((site, index) => this.#enter(site, use, stop.signal, failFast, index)));
    } catch (error) {
      throw mostTelling((error as AggregateError).errors);
    } finally {
      unhook();
      // Who lost the race keeps connecting: it stands by for the next time.
      stop.abort();
    }
  }

  async #enter(
    site: RelaySite,
    use: LinkUse,
    signal: AbortSignal,
    failFast: boolean,
    index: number,
  ): Promise<RelayLink> {
    if (index > 0) await pause(this.#clock, index * STAGGER_MS, signal);
    return await site.keeper(use).acquire({ signal, failFast });
  }
}

/** Of several failures the one that says most: giving up on a race is no reason of its own. */
function mostTelling(errors: readonly unknown[]): unknown {
  return errors.find((error) => !isSealaneError(error, 'ERR_ABORTED')) ?? errors[0];
}
