import { isDeepStrictEqual } from 'node:util';
import { encodeJsonLine, sanitize } from '../../../apps/cli/src/output/sanitize.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

const texts = ['plain', '\u001b[2J', 'a\u202eb', '\u{e0041}', '\u{1f600}', 'line\nline', '\u00ad\ufeff'];

/** Text of a peer on its way to a terminal or a log. */
export const terminalTextTarget: Target = {
  name: 'terminal-text',
  shape: { kind: 'text' },
  maxBytes: 700,
  dictionary: texts.map(fromText),
  seeds: () => texts.map(fromText),
  run(input) {
    // Half of the inputs as UTF-16 as it comes, so that unpaired surrogates are among them.
    const isWide = (input[0] ?? 0) >= 0x80;
    const text = Buffer.from(input).toString(isWide ? 'utf16le' : 'utf8');
    const shown = sanitize(text);
    assertRule(
      !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(shown),
      'a terminal gets one line that hides nothing',
    );
    assertRule(sanitize(shown, shown.length) === shown, 'what is safe stays as it is');
    const line = encodeJsonLine({ text, [text]: 1 });
    assertRule(/^[\x20-\x7e]*\n$/.test(line), 'a line of JSON is plain ASCII');
    assertRule(isDeepStrictEqual(JSON.parse(line), { text, [text]: 1 }), 'a line of JSON says the same');
  },
};
