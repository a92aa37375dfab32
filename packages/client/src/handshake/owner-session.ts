import type { OwnerHandshake } from '@sealane/crypto/e2ee';
import { SealaneError, SessionLimit } from '@sealane/types';
import type { ClientContext } from '../client-context.js';
import type { RelayLink } from '../link/relay-link.js';
import type { PeerRequest } from '../policy.js';
import { ResumptionOffer } from '../resume/offer.js';
import type { ResumableSession, ResumableSessions } from '../resume/resumable-sessions.js';
import { SecureConnection } from '../session/secure-connection.js';
import type { Unconfirmed, UnconfirmedTable } from './admission.js';
import type { OwnedService } from './owned-service.js';

export const TOO_MANY_SESSIONS = 'too many sessions of one identity';

export interface OwnerSessionParts {
  readonly context: ClientContext;
  readonly link: RelayLink;
  readonly unconfirmed: UnconfirmedTable;
  readonly resumable: ResumableSessions;
  readonly service: OwnedService;
  readonly alpn: string;
  readonly events: {
    onInterrupted(connection: SecureConnection, cause: SealaneError): void;
    onResumed(connection: SecureConnection, gapMs: number): void;
    /** A session that was confirmed has ended. */
    onEnd(connection: SecureConnection, error: SealaneError | undefined): void;
  };
}

/**
 * The owner's session after a handshake that it accepts, and the message 2 that says so. It is unconfirmed: nothing of it
 * reaches the application before the dialer's CONFIRM has opened (v1.md, "CONFIRM"). ERR_E2EE_HANDSHAKE.
 */
export function createOwnerSession(
  handshake: OwnerHandshake,
  parts: OwnerSessionParts,
): { readonly connection: SecureConnection; readonly message2: Uint8Array } {
  const { context, link, unconfirmed, resumable, service, alpn, events } = parts;
  const offer = new ResumptionOffer(context, link, 'owner');
  const accepted = acceptWith(handshake, offer, parts);
  const resumption = offer.settle(handshake.parameters);
  // The closures below live as long as the session: one that named the handshake would keep its keys alive that long.
  const { peerId, peer: keycert, ticket } = handshake;
  const peer: PeerRequest = {
    id: peerId,
    epoch: keycert.epoch,
    alpn: [...handshake.alpn],
    service: service.service,
    ticket,
  };
  let isConfirmed = false;
  let resumed: ResumableSession | undefined;
  const connection: SecureConnection = new SecureConnection({
    keys: accepted.keys,
    own: offer.parameters,
    peer: handshake.parameters,
    clock: context.clock,
    budget: context.budget,
    resumption,
    facts: {
      peerId,
      peerEpoch: keycert.epoch,
      alpn,
      service: service.service,
      suite: handshake.suite,
      instance: service.instance,
    },
    acceptStream: service.options.acceptStream,
    onConfirmed: () => {
      // Others of the same peer may have been confirmed since this one was judged.
      if (service.openSessionsOf(peerId) >= SessionLimit.maxSessionsPerPeer) {
        connection.abort(new SealaneError('ERR_E2EE_BUSY', TOO_MANY_SESSIONS));
        return;
      }
      if (service.options.confirm?.(peer, connection) === false) {
        connection.abort(new SealaneError('ERR_E2EE_DENIED'));
        return;
      }
      isConfirmed = true;
      unconfirmed.remove(entry);
      // A store that fails costs the memory of this epoch, not the session that was shown to be genuine.
      context.keycerts.remember(keycert, 'accepted').catch(() => undefined);
      service.onConnection(connection, peer);
    },
    onSuspended: (_, cause) => {
      if (resumed !== undefined) resumable.onSuspended(resumed);
      if (isConfirmed && connection.isSuspended) events.onInterrupted(connection, cause);
    },
    onResumed: (_, gapMs) => {
      if (isConfirmed) events.onResumed(connection, gapMs);
    },
    onEnd: (_, error) => {
      unconfirmed.remove(entry);
      if (resumed !== undefined) resumable.onEnd(resumed, error);
      if (!isConfirmed) return;
      service.onConnectionEnd(connection);
      events.onEnd(connection, error);
    },
  });
  const entry: Unconfirmed = {
    outlivesLink: connection.isResumable,
    drop: () => connection.abort(new SealaneError('ERR_E2EE_TIMEOUT', 'the peer did not confirm')),
  };
  unconfirmed.add(entry);
  const half = connection.resumeHalf;
  if (half !== undefined) {
    resumed = { connection, half, service, peer };
    resumable.add(resumed);
  }
  return { connection, message2: accepted.message2 };
}

function acceptWith(
  handshake: OwnerHandshake,
  offer: ResumptionOffer,
  { service, alpn }: OwnerSessionParts,
): ReturnType<OwnerHandshake['accept']> {
  try {
    return handshake.accept({ alpn, parameters: offer.parameters, instance: service.instance });
  } catch (error) {
    offer.drop();
    throw error;
  }
}
