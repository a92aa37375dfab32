import type { SessionParameters } from '@sealane/crypto/e2ee';
import { commonFeatures } from '@sealane/protocol';
import { LinkFeature, SessionFeature } from '@sealane/types';
import type { ClientContext } from '../client-context.js';
import type { RelayLink } from '../link/relay-link.js';
import type { KeptAccount } from '../session/kept-budget.js';
import type { SessionResumption } from '../session/session-options.js';

/**
 * What one side says of itself in a handshake, and the place that its session gets if both sides agree to resume it
 * (v1.md, "Resumption"). Without a place, or over a relay that routes no RESUME, the feature is not offered.
 */
export class ResumptionOffer {
  readonly parameters: SessionParameters;
  readonly #giveUpMs: number;
  #account: KeptAccount | undefined;

  /** An owner's place counts once its dialer has confirmed. */
  constructor(context: ClientContext, link: RelayLink, role: 'dialer' | 'owner') {
    const { parameters, resumption } = context;
    const canRoute = link.isUp && (link.relay.features & LinkFeature.RESUME) !== 0;
    this.#account = canRoute ? resumption?.kept.reserve({ isProvisional: role === 'owner' }) : undefined;
    this.#giveUpMs = resumption?.giveUpMs ?? 0;
    this.parameters =
      this.#account === undefined
        ? parameters
        : { ...parameters, features: parameters.features | SessionFeature.RESUME };
  }

  /** The peer has spoken: what the session gets. The place goes back when the peer does not resume. */
  settle(peer: SessionParameters): SessionResumption | undefined {
    const account = this.#account;
    const isAgreed = (commonFeatures(this.parameters.features, peer.features) & SessionFeature.RESUME) !== 0;
    if (account === undefined || !isAgreed) {
      this.drop();
      return undefined;
    }
    this.#account = undefined;
    return { account, giveUpMs: this.#giveUpMs };
  }

  /** There is no session. Idempotent; after `settle` a no-op. */
  drop(): void {
    this.#account?.close();
    this.#account = undefined;
  }
}
