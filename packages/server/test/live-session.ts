import { Credential } from '@sealane/crypto/credential';
import type { MuxStream } from '@sealane/mux';
import { MessageKind } from '@sealane/types';
import type { RelayServerOptions } from '../src/options.js';
import { listenRelay, type RelayOnSocket } from './relay-on-socket.js';
import type { ScriptedClient, SeenStream } from './scripted-client.js';

/** Two clients from addresses of their own, none of which is exempt. */
export const OWNER_ADDRESS = '127.0.0.2';
export const DIALER_ADDRESS = '127.0.0.3';

export interface Session {
  readonly seen: SeenStream;
  readonly stream: MuxStream;
  readonly ownerSeen: SeenStream;
  readonly ownerStream: MuxStream;
}

export interface LiveRelay extends RelayOnSocket {
  readonly credential: Credential;
  readonly owner: ScriptedClient;
  readonly dialer: ScriptedClient;
  readonly dialerCredential: Credential;
  /** One more session between the two, accepted. */
  open(): Promise<Session>;
  /** The code with which a request for a session is refused, and the text. */
  refusal(): Promise<{ readonly code: number; readonly text: string }>;
}

/** A relay on real sockets with an owner that holds a lease, and a dialer. */
export async function liveRelay(
  options: Partial<RelayServerOptions> = {},
  lease: { readonly name?: string; readonly service?: string } = {},
): Promise<LiveRelay> {
  const relay = await listenRelay({ exemptLoopback: false, ...options });
  const credential = await Credential.create();
  const dialerCredential = await Credential.create();
  const owner = await relay.connect({ signer: credential }, { localAddress: OWNER_ADDRESS });
  const dialer = await relay.connect({ signer: dialerCredential }, { localAddress: DIALER_ADDRESS });
  const request = owner.register(relay.key, lease);
  await owner.until(() => owner.answerTo(request)?.kind === MessageKind.REGISTERED, 'registered');
  return {
    ...relay,
    credential,
    dialerCredential,
    owner,
    dialer,
    async open() {
      const index = owner.forwards.length;
      const { seen, stream } = dialer.connect(credential.publicKey, lease.service);
      await owner.until(() => owner.forwards.length > index, 'forwarded');
      const ownerSeen = owner.accept(index);
      await dialer.until(() => seen.answer?.kind === MessageKind.ACCEPT, 'accepted');
      if (ownerSeen.stream === undefined) throw new Error('no stream');
      return { seen, stream, ownerSeen, ownerStream: ownerSeen.stream };
    },
    async refusal() {
      const { seen } = dialer.connect(credential.publicKey, lease.service);
      await dialer.until(() => seen.answer !== undefined, 'answered');
      if (seen.answer?.kind !== MessageKind.REJECT) throw new Error('it was not refused');
      return { code: seen.answer.code, text: seen.answer.text };
    },
  };
}

/** The last ERROR about the link itself. */
export function linkError(client: ScriptedClient) {
  return client.messages.findLast((message) => message.kind === MessageKind.ERROR && message.request === 0);
}
