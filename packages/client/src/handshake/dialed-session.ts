import { encodeId, type Keycert } from '@sealane/crypto/credential';
import type { DialerResult } from '@sealane/crypto/e2ee';
import type { ClientContext } from '../client-context.js';
import type { ResumptionOffer } from '../resume/offer.js';
import { Resumer } from '../resume/resumer.js';
import { SecureConnection } from '../session/secure-connection.js';
import type { DialRequest } from './dialer-handshaker.js';

/**
 * The dialer's session after message 2. What it is told later must not reach the attempt that made it: a session lives for
 * a day, and would keep the keys of its handshake alive that long.
 */
export function createDialedSession(
  context: ClientContext,
  request: DialRequest,
  owner: Keycert,
  offer: ResumptionOffer,
  { keys, alpn, suite, peer, instance }: DialerResult,
  handshakeMs: number,
): SecureConnection {
  const { service, link: firstLink, links, ticket, onChange, onEnd, onInterrupted, onResumed } = request;
  const { onResumeFailed: onFailed } = request;
  let resumer: Resumer | undefined;
  const findResumer = (): Resumer | undefined => {
    const half = connection.resumeHalf;
    if (resumer === undefined && links && half) {
      resumer = new Resumer({ context, connection, half, links, firstLink, handshakeMs, ticket, onFailed });
    }
    return resumer;
  };
  const connection: SecureConnection = new SecureConnection({
    keys,
    own: offer.parameters,
    peer,
    resumption: offer.settle(peer),
    clock: context.clock,
    budget: context.budget,
    facts: { peerId: encodeId(owner.publicKey), peerEpoch: owner.epoch, alpn, service, suite, instance },
    onChange,
    onSuspended: (_, cause) => {
      onInterrupted?.(connection, cause);
      findResumer()?.start();
    },
    onResumed,
    onMove: () => findResumer()?.move(),
    onEnd: (ended, error) => {
      resumer?.stop();
      onEnd?.(ended, error);
    },
  });
  return connection;
}
