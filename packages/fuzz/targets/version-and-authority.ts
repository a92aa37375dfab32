import { clipText, isAuthority, selectSubprotocol } from '@sealane/protocol';
import { isName, isService, parseName, SUBPROTOCOL } from '@sealane/types';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

const texts = [
  'sealane.1',
  'sealane.2, sealane.1',
  'relay.example:443',
  '[2001:db8::1]:443',
  '10.0.0.1:80',
  'a-b',
  'x--y',
];

/** The small texts of the link: versions, authorities, names, services, and texts cut to fit. */
export const versionAndAuthorityTarget: Target = {
  name: 'version-and-authority',
  shape: { kind: 'text' },
  maxBytes: 400,
  dictionary: texts.map(fromText),
  seeds: () => texts.map(fromText),
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const offered = text.split(',').map((part) => part.trim());
    const selected = selectSubprotocol(offered);
    assertRule(
      selected === undefined || (selected === SUBPROTOCOL && offered.includes(selected)),
      'only what was offered',
    );
    if (isAuthority(text)) checkAuthority(text);
    const name = accepted(['ERR_NAME_INVALID'], () => parseName(text));
    assertRule(name === undefined || (isName(name) && name === parseName(name)), 'a name is folded once');
    assertRule(name === undefined || (name.length >= 1 && name.length <= 40), 'a name has 1 to 40 characters');
    assertRule(!isService(text) || (/^[a-z0-9-]{0,63}$/.test(text) && !text.includes('\n')), 'a service is plain');
    const clipped = clipText(text, 40);
    assertRule(Buffer.byteLength(clipped) <= 40 && !/\p{Cc}/u.test(clipped), 'a text is cut to fit');
    assertRule(Buffer.from(clipped).toString('utf8') === clipped, 'a text is cut at a character');
  },
};

/** What AUTH may name is what a URL names the same way. */
function checkAuthority(text: string): void {
  const port = Number(text.slice(text.lastIndexOf(':') + 1));
  assertRule(port >= 1 && port <= 65_535, 'an authority has a port');
  assertRule(text === text.toLowerCase() && !/[\s/@#?]/.test(text), 'an authority is lower case and nothing else');
}
