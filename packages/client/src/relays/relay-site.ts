import { SigningKey } from '@sealane/crypto/credential';
import { ResetCode, type SealaneError } from '@sealane/types';
import type { RelayLocation } from '../address.js';
import type { ClientContext } from '../client-context.js';
import type { LeaseManager } from '../lease-manager.js';
import { LinkKeeper } from '../link/link-keeper.js';
import { openLink } from '../link/open-link.js';
import type { RelayLink } from '../link/relay-link.js';
import type { RelayLinkHandler } from '../link/relay-link-options.js';
import type { RelayClientOptions } from '../options.js';
import type { LinkStatus, LinkUse } from '../status.js';

/** What a client that listens does with the links to one relay. */
export interface SiteOwner extends Pick<RelayLinkHandler, 'onForward'> {
  /** Told of links that carry leases, and of a relay that does not let this identity in. */
  readonly leases: Pick<LeaseManager, 'onSuperseded' | 'onLinkUp' | 'onDenied' | 'close'>;
  onLinkDown(link: RelayLink, error: SealaneError): void;
}

export interface RelaySiteOptions {
  readonly context: ClientContext;
  readonly location: RelayLocation;
  readonly client: RelayClientOptions;
  /** Undefined in a client that only dials. */
  readonly owner: SiteOwner | undefined;
  /** The relay said goodbye on the link. */
  readonly onDraining: (link: RelayLink) => void;
}

/** Attempts that count against a relay are forgotten after this time: none is shunned for long. */
const FAILURE_MEMORY_MS = 30_000;
/** A failure weighs as much as so much round trip. */
const FAILURE_WEIGHT_MS = 500;
/** Where no round trip was measured yet. */
const UNKNOWN_RTT_MS = 100;

/** One relay that a client uses: its links for dialing and listening, and how well it does. */
export class RelaySite {
  readonly location: RelayLocation;
  readonly #options: RelaySiteOptions;
  readonly #keepers = new Map<LinkUse, LinkKeeper>();
  readonly #linksSeen = new WeakSet<RelayLink>();
  #relayId: string | undefined;
  #failures: number[] = [];

  constructor(options: RelaySiteOptions) {
    this.#options = options;
    this.location = options.location;
    this.#relayId = options.location.relayId;
  }

  get url(): string {
    return this.location.url;
  }

  /** Identity of the relay: the pinned one, or the one that the last link proved; undefined before. */
  get relayId(): string | undefined {
    return this.#relayId;
  }

  get links(): readonly LinkStatus[] {
    return [...this.#keepers.values()].map((keeper) => keeper.status);
  }

  /** The link is, or was, one to this relay. */
  isOf(link: RelayLink): boolean {
    return this.#linksSeen.has(link);
  }

  /** Lower is better: the present round trip, and what failed lately. */
  get cost(): number {
    const sinceMs = this.#options.context.clock.nowMs() - FAILURE_MEMORY_MS;
    this.#failures = this.#failures.filter((atMs) => atMs > sinceMs);
    const rttMs = this.keeper('dial').current?.rttMs ?? UNKNOWN_RTT_MS;
    return rttMs + this.#failures.length * FAILURE_WEIGHT_MS;
  }

  /** What came of an attempt here. */
  report(isGood: boolean): void {
    if (isGood) this.#failures = [];
    else this.#failures.push(this.#options.context.clock.nowMs());
  }

  /** With `identify` one link serves both uses: the relay sees the same key anyway. */
  keeper(use: LinkUse): LinkKeeper {
    const kept = this.#options.client.identify === true ? 'listen' : use;
    let keeper = this.#keepers.get(kept);
    if (keeper === undefined) {
      keeper = this.#createKeeper(kept);
      this.#keepers.set(kept, keeper);
    }
    return keeper;
  }

  /** Leases and links are given up. Resolves when all that was said on them has left this process. */
  async close(): Promise<void> {
    this.#options.owner?.leases.close();
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.close()));
  }

  #createKeeper(use: LinkUse): LinkKeeper {
    const { context, client, location, owner } = this.#options;
    const { clock, random, timing, onStatus } = context;
    const options = {
      context,
      location,
      client,
      createSigner: async () =>
        use === 'listen' ? await context.currentCredential() : SigningKey.create(context.random),
      // A link that nobody is to know by shows no token either.
      token: use === 'listen' ? client.token : undefined,
      handler: {
        // A relay that forwards to who holds no lease is refused, stream by stream.
        onForward: (link, stream, open) => {
          if (owner === undefined) stream.reset(ResetCode.REFUSED);
          else owner.onForward(link, stream, open);
        },
        onSuperseded: (link, message) => owner?.leases.onSuperseded(link, message),
      },
    } satisfies Parameters<typeof openLink>[0];
    return new LinkKeeper({
      url: this.url,
      use,
      clock,
      random,
      timing,
      onStatus,
      openLink: (attempt) => openLink(options, attempt),
      onUp: (link) => {
        this.#relayId = link.relay.relayId;
        this.#linksSeen.add(link);
        if (use === 'listen') owner?.leases.onLinkUp(link);
      },
      onDenied: use === 'listen' ? (error) => owner?.leases.onDenied(error) : undefined,
      onDraining: (link) => this.#options.onDraining(link),
      onDown: (link, error) => owner?.onLinkDown(link, error),
    });
  }
}
