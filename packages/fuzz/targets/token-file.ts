import { readTokens } from '../../../apps/relay/src/admission/token-file.js';
import { prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

const token = `{"token":"0123456789abcdef","hash":"${'ab'.repeat(32)}","expiresAtMs":null,"uses":2,"note":"x"}`;
const enrolled = '{"enrolled":"ycrh4fwvvyluma2holmansayu74ceywpd5oy4lmzxrzlujri4u53n3qb","by":"0123456789abcdef"}';

export const tokenFileTarget: Target = {
  name: 'token-file',
  shape: { kind: 'text' },
  maxBytes: 4_096,
  prepare: prepareIdentities,
  seeds: () =>
    [`${token}\n`, `${token}\n${enrolled}\n`, `${token}\n${enrolled}\n{"revoked":"0123456789abcdef"}\n`].map(fromText),
  run(input) {
    const store = accepted(['ERR_CONFIG'], () => readTokens(Buffer.from(input).toString('utf8'), 'file'));
    if (store === undefined) return;
    for (const { id, identities } of store.list()) {
      assertRule(/^[0-9a-f]{16}$/.test(id), 'a token has an id');
      assertRule(
        identities.every((identity) => store.isEnrolled(identity)),
        'whom a token enrolled is enrolled',
      );
    }
  },
};
