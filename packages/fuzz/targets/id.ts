import { encodeId, isIdLike, parseId } from '@sealane/crypto/credential';
import ids from '../../crypto/vectors/ids.json' with { type: 'json' };
import { prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

export const idTarget: Target = {
  name: 'id',
  shape: { kind: 'text' },
  maxBytes: 80,
  prepare: prepareIdentities,
  seeds: () => [...ids.valid.map(({ id }) => id), ...ids.valid.map(({ id }) => id.toUpperCase())].map(fromText),
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const key = accepted(['ERR_ID_INVALID'], () => parseId(text));
    if (key === undefined) return;
    assertRule(isIdLike(text), 'an id has the length of an id');
    assertRule(encodeId(key) === text.toLowerCase(), 'an id has one text per case');
  },
};
