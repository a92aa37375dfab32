import { isAbsolute } from 'node:path';
import { parseConfig } from '../../../apps/cli/src/config/config-file.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

const keys = ['relay', 'identity', 'knownPeers', 'ca'];

export const configFileTarget: Target = {
  name: 'config-file',
  shape: { kind: 'text' },
  maxBytes: 512,
  dictionary: [...keys, '__proto__', 'constructor', '":"'].map(fromText),
  seeds: () =>
    [
      '{}',
      '{"relay":"wss://relay.example","identity":"me.key","knownPeers":"/x","ca":"../ca.pem"}',
      '[]',
      '{"__proto__":"x"}',
    ].map(fromText),
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const config = accepted(['ERR_CONFIG'], () => parseConfig(text, '/etc/sealane/config.json'));
    if (config === undefined) return;
    for (const [key, value] of Object.entries(config)) {
      assertRule(keys.includes(key) && typeof value === 'string' && value !== '', 'only known keys with texts');
      assertRule(key === 'relay' || isAbsolute(value), 'paths are absolute');
    }
    assertRule(Object.getPrototypeOf(config) === Object.prototype, 'a file is no prototype');
  },
};
