import { isDeepStrictEqual } from 'node:util';
import { formatRelayUrl, parseRelayUrl } from '@sealane/client';
import { isAuthority } from '@sealane/protocol';
import { relayAuthority } from '../../client/src/address.js';
import ids from '../../crypto/vectors/ids.json' with { type: 'json' };
import { prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

/** The URL of a relay, and the authority that AUTH names for it. */
export const relayUrlTarget: Target = {
  name: 'relay-url',
  shape: { kind: 'text' },
  maxBytes: 400,
  prepare: prepareIdentities,
  dictionary: ['wss://', 'ws://', ids.valid[0]!.id, 'xn--', '[::1]'].map(fromText),
  seeds: () =>
    [
      'ws://127.0.0.1:9000',
      'wss://Relay.Example',
      `wss://relay.example.:443/a/b?c=d#${ids.valid[0]!.id}`,
      'ws://[2001:db8::1]:80/',
      'wss://m\u00fcnchen.example:8443',
      'ws://a_b.example',
    ].map(fromText),
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const location = accepted(['ERR_ADDRESS_INVALID', 'ERR_ID_INVALID'], () => parseRelayUrl(text));
    if (location === undefined) return;
    assertRule(/^wss?:\/\//.test(location.url) && !location.url.includes('#'), 'a relay URL has no fragment');
    const again = parseRelayUrl(formatRelayUrl(location));
    assertRule(isDeepStrictEqual(again, location), 'a relay URL is written and read the same');
    const authority = relayAuthority(location.url);
    assertRule(isAuthority(authority), `the authority of a relay URL can be sent: ${authority} of ${location.url}`);
  },
};
