import { encodeAccessSecret, parseAccessSecret } from '@sealane/crypto/credential';
import secrets from '../../crypto/vectors/access-secrets.json' with { type: 'json' };
import { prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

export const accessSecretTarget: Target = {
  name: 'access-secret',
  shape: { kind: 'text' },
  maxBytes: 120,
  prepare: prepareIdentities,
  seeds: () => secrets.flatMap(({ text }) => [text, text.toUpperCase(), ` ${text}\n`]).map(fromText),
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const secret = accepted(['ERR_SECRET_INVALID'], () => parseAccessSecret(text));
    if (secret === undefined) return;
    assertRule(secret.length === 32, 'an access secret has 32 bytes');
    assertRule(encodeAccessSecret(secret) === text.trim().toLowerCase(), 'an access secret has one text per case');
  },
};
