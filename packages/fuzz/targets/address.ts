import { isDeepStrictEqual } from 'node:util';
import { formatAddress, parseAddress } from '@sealane/client';
import { isName, isService } from '@sealane/types';
import ids from '../../crypto/vectors/ids.json' with { type: 'json' };
import { prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

const id = ids.valid[0]!.id;
const relay = encodeURIComponent(`wss://relay.example/path?x=1#${ids.valid[1]!.id}`);

/** What a person pastes, or a page hands over: an address, an id or a name. */
export const addressTarget: Target = {
  name: 'address',
  shape: { kind: 'text' },
  maxBytes: 600,
  prepare: prepareIdentities,
  dictionary: [id, relay, 'sealane://', '?relay=', '&e=', 'ws://'].map(fromText),
  seeds: () =>
    [
      id,
      'my-box',
      'my-box/web',
      `sealane://${id}/web?relay=${relay}&e=3`,
      `sealane://${id}?relay=ws%3A%2F%2F127.0.0.1%3A9000&relay=${relay}`,
      `SEALANE://${id.toUpperCase()}`,
    ].map(fromText),
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const codes = ['ERR_ADDRESS_INVALID', 'ERR_ID_INVALID', 'ERR_NAME_INVALID'];
    const address = accepted(codes, () => parseAddress(text));
    if (address === undefined) return;
    assertRule((address.id === undefined) !== (address.name === undefined), 'an address has an id or a name');
    assertRule(address.name === undefined || isName(address.name), 'a name is one');
    assertRule(isService(address.service), 'a service is one');
    const { minEpoch = 0 } = address;
    assertRule(Number.isInteger(minEpoch) && minEpoch >= 0 && minEpoch <= 0xffff_ffff, 'an epoch is one');
    assertRule(
      isDeepStrictEqual(parseAddress(formatAddress(address)), address),
      'an address is written and read the same',
    );
  },
};
