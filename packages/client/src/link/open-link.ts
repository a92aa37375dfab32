import { LinkFeature, MuxLimit, ProofKind, ProtocolSize, SUBPROTOCOL } from '@sealane/types';
import { openWebSocket } from '#transport';
import { whenAborted } from '../abort-signal.js';
import { type RelayLocation, relayAuthority } from '../address.js';
import type { ClientContext } from '../client-context.js';
import type { RelayClientOptions } from '../options.js';
import { Authentication, type LinkSigner } from './authentication.js';
import type { LinkAttempt } from './link-keeper.js';
import { present } from './present.js';
import { RelayLink } from './relay-link.js';
import type { RelayLinkHandler } from './relay-link-options.js';

/** Streams that a relay may have open towards us: forwarded requests and the sessions they become. */
const MAX_INBOUND_STREAMS = 4_096;

/** LinkFeature bits that this client knows what to do with. */
const CLIENT_FEATURES = LinkFeature.LIST | LinkFeature.RESUME | LinkFeature.ADMISSION;

export interface OpenLinkOptions {
  readonly context: ClientContext;
  readonly location: RelayLocation;
  readonly client: RelayClientOptions;
  readonly createSigner: () => Promise<LinkSigner>;
  /** Shown before anything else is asked. */
  readonly token: Uint8Array | undefined;
  readonly handler: Pick<RelayLinkHandler, 'onForward' | 'onSuperseded'>;
}

/** Opens a transport and starts to authenticate on it. */
export async function openLink(options: OpenLinkOptions, attempt: LinkAttempt): Promise<RelayLink> {
  const { context, location, client, createSigner, token, handler } = options;
  const signer = await createSigner();
  const authentication = new Authentication({
    signer,
    authority: relayAuthority(location.url),
    relayId: location.relayId,
    features: client.features?.link ?? CLIENT_FEATURES,
    initialWindow: MuxLimit.initialWindowBytes,
    maxStreams: MAX_INBOUND_STREAMS,
    random: context.random,
  });
  const open = client.transport ?? openWebSocket;
  const transport = await open(location.url, {
    subprotocol: SUBPROTOCOL,
    maxMessageBytes: ProtocolSize.MESSAGE,
    signal: attempt.signal,
    ...(client.ca === undefined ? {} : { ca: client.ca }),
    ...(client.proxy === undefined ? {} : { proxy: client.proxy }),
    ...(client.mask === undefined ? {} : { mask: client.mask }),
  });
  const link = new RelayLink({
    transport,
    authentication,
    clock: context.clock,
    timing: context.timing,
    budget: context.budget,
    receiveWindowBytes: MuxLimit.initialWindowBytes,
    maxInboundStreams: MAX_INBOUND_STREAMS,
    handler: {
      ...handler,
      onUp: (up) => {
        if (token === undefined) attempt.onUp(up);
        else void present(up, ProofKind.TOKEN, token).then(() => attempt.onUp(up));
      },
      onEnd: attempt.onEnd,
      onGoAway: attempt.onGoAway,
    },
  });
  whenAborted(attempt.signal, (error) => link.abort(error));
  return link;
}
