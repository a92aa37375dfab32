import { parseAllowFile } from '../../../apps/cli/src/tunnel/allow-file.js';
import ids from '../../crypto/vectors/ids.json' with { type: 'json' };
import { prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

const [first, second] = ids.valid.map(({ id }) => id);

/** The list of who may connect: nobody is on it whose id does not stand in it. */
export const allowFileTarget: Target = {
  name: 'allow-file',
  shape: { kind: 'text' },
  maxBytes: 1_024,
  prepare: prepareIdentities,
  dictionary: [first!, '?e=', '# '].map(fromText),
  seeds: () => [`${first}\n`, `# people\n${first}?e=3 # me\r\n\n${second}`, `${first!.toUpperCase()}`].map(fromText),
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const entries = accepted(['ERR_CONFIG'], () => parseAllowFile(text, 'allow.txt'));
    for (const { id, minEpoch } of entries ?? []) {
      assertRule(text.toLowerCase().includes(id), 'nobody gets in who is not named');
      assertRule(Number.isInteger(minEpoch) && minEpoch <= 0xffff_ffff, 'an epoch is one');
    }
  },
};
