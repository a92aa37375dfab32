import { blake2b } from '@sealane/crypto';
import { SigningKey } from '@sealane/crypto/credential';
import { SignatureLabel } from '@sealane/crypto/signature';
import { appendSignature, encodeAuthUnsigned, encodeMessage, type Hello } from '@sealane/protocol';
import { FrameType, MessageKind } from '@sealane/types';
import type { HostileLink } from './hostile-link.js';
import type { Attack, HostileRelay } from './hostile-relay.js';
import type { RawFrame } from './seen-frame.js';

interface Authentication {
  readonly real: Uint8Array;
  readonly shown: Uint8Array;
  auth?: Uint8Array;
}

const onLink = (body: Uint8Array): readonly RawFrame[] => [{ type: FrameType.MESSAGE, flags: 0, streamId: 0, body }];

/**
 * Shows clients another HELLO than the relay behind and signs for it: the client's link and the one behind are
 * authenticated one by one. Behind, the client is a key of the man in the middle, which does for links that dial.
 */
export function ownAuthentication(relay: Pick<HostileRelay, 'signAuthOk'>, change: (hello: Hello) => Hello): Attack {
  const links = new Map<HostileLink, Authentication>();
  return (frame) => {
    const { message, link, body } = frame;
    const state = links.get(link);
    if (message?.kind === MessageKind.HELLO) {
      const shown = encodeMessage(change(message));
      links.set(link, { real: body, shown });
      return onLink(shown);
    }
    if (message?.kind === MessageKind.AUTH && state !== undefined) {
      state.auth = body;
      const key = SigningKey.create();
      const { nonce, authority, features, initialWindow, maxStreams } = message;
      const unsigned = encodeAuthUnsigned({
        client: key.publicKey,
        nonce,
        authority,
        features,
        initialWindow,
        maxStreams,
      });
      return onLink(appendSignature(unsigned, key.sign(SignatureLabel.AUTH, blake2b(32, state.real), unsigned)));
    }
    if (message?.kind === MessageKind.AUTH_OK && state?.auth !== undefined) {
      return onLink(relay.signAuthOk(state.shown, state.auth));
    }
    return undefined;
  };
}
