import { MessageKind, ProtocolSize } from '@sealane/types';
import { concatBytes } from '../concat-bytes.js';
import { messageError } from '../protocol-error.js';
import { encodeMessage } from './control-message.js';
import type { Auth, AuthOk } from './link-messages.js';

const noSignature: Uint8Array = new Uint8Array(ProtocolSize.SIGNATURE);

/** All bytes of AUTH before its signature, the kind included: what is signed, and then sent unchanged. */
export function encodeAuthUnsigned(auth: Omit<Auth, 'kind' | 'signature'>): Uint8Array {
  return signedBytes(encodeMessage({ ...auth, kind: MessageKind.AUTH, signature: noSignature }));
}

/** All bytes of AUTH_OK before its signature, the kind included. */
export function encodeAuthOkUnsigned(authOk: Omit<AuthOk, 'kind' | 'signature'>): Uint8Array {
  return signedBytes(encodeMessage({ ...authOk, kind: MessageKind.AUTH_OK, signature: noSignature }));
}

/** The complete body of AUTH or AUTH_OK in a new array. `signature` has 64 bytes, else ERR_PROTOCOL_MESSAGE. */
export function appendSignature(unsigned: Uint8Array, signature: Uint8Array): Uint8Array {
  if (signature.length !== ProtocolSize.SIGNATURE) throw messageError('a signature has 64 bytes');
  return concatBytes([unsigned, signature]);
}

/**
 * The part of a received AUTH or AUTH_OK body that its signature covers: all but the last 64 bytes, as a view.
 * Call it with a body that was decoded; ERR_PROTOCOL_MESSAGE if it is of another kind.
 */
export function signedBytes(body: Uint8Array): Uint8Array {
  const kind = body[0];
  if ((kind !== MessageKind.AUTH && kind !== MessageKind.AUTH_OK) || body.length <= ProtocolSize.SIGNATURE) {
    throw messageError('the message carries no signature');
  }
  return body.subarray(0, body.length - ProtocolSize.SIGNATURE);
}
