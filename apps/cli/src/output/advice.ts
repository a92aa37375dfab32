import type { ErrorCode, SealaneError } from '@sealane/types';

/** What to do about a refusal, where the refusal itself does not say it. */
const advice: Partial<Record<ErrorCode, string>> = {
  ERR_LINK_FAILED: 'check the relay URL and that the relay runs',
  ERR_LINK_TIMEOUT: 'check the relay URL and that the relay runs',
  ERR_LINK_CERTIFICATE: 'give its certificate authority with --ca, or correct the host name in the URL',
  ERR_LINK_PROXY: 'check HTTPS_PROXY and NO_PROXY',
  ERR_RELAY_LEASE_IN_USE:
    'stop the other process, or use --take-over to replace it, or --service for a second service of the same identity',
  ERR_RELAY_SUPERSEDED: 'this process does not fight for it; start it again with --take-over to get it back',
  ERR_RELAY_NAME_TAKEN: 'choose another --name, or leave it out and use the id',
  ERR_RELAY_NAME_INVALID: 'use 1 to 40 characters a-z, 0-9 and single hyphens between them',
  ERR_RELAY_NO_OWNER: 'check the address and that "sealane expose" runs',
  ERR_RELAY_VERSION: 'use a version of sealane that speaks it, or another relay',
  ERR_RELAY_UNSUPPORTED: 'use another relay, or ask its operator',
  ERR_RELAY_TOKEN: 'ask the operator of the relay for a token, and give it with --token',
  ERR_RELAY_TICKET: 'ask the owner for a ticket, and give it with --ticket',
  ERR_RELAY_DENIED: 'ask the operator of the relay to admit the id that "sealane id show" prints',
  ERR_RELAY_IDENTITY: 'do not connect before you know why; the relay id after "#" in the URL is the one expected',
  ERR_RELAY_WRONG_AUTHORITY: 'use the address that the relay goes by',
  ERR_E2EE_DENIED: 'ask the owner to allow the id that "sealane id show" prints',
  ERR_E2EE_NO_ALPN: 'use an --alpn that the owner offers',
  ERR_E2EE_DAMAGED: 'use the same --access-secret file on both sides, or none on both',
  ERR_E2EE_NO_TARGET: 'check the service in the address',
  ERR_E2EE_KEYCERT:
    'old keys were shown, from a backup perhaps; whose they are uses the newer key file, or runs "sealane id rotate"',
  ERR_KEY_FILE_MISSING: 'check the path, or create it with "sealane id new" or "sealane secret new"',
  ERR_KEY_FILE_EXISTS: 'choose another file, or remove it if nobody needs it',
};

/** Undefined when there is nothing to add, or when the text already says what to do. */
export function adviceFor(error: SealaneError): string | undefined {
  if (error.details['advised'] === true) return undefined;
  return advice[error.code];
}
