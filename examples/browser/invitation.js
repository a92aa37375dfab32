// An invitation is a link: address and access secret stand in its fragment, which no server ever sees.
import { encodeAccessSecret, parseAccessSecret } from '@sealane/crypto/credential';

/** @param {string} pageUrl @param {string} address @param {Uint8Array} secret */
export function createInvitation(pageUrl, address, secret) {
  const link = new URL(pageUrl);
  link.hash = new URLSearchParams({ address, secret: encodeAccessSecret(secret) }).toString();
  return link.href;
}

/** @param {string} link @returns {{ address: string, accessSecret: Uint8Array } | undefined} */
export function parseInvitation(link) {
  const parts = new URLSearchParams(new URL(link).hash.slice(1));
  const [address, secret] = [parts.get('address'), parts.get('secret')];
  return address === null || secret === null ? undefined : { address, accessSecret: parseAccessSecret(secret) };
}
