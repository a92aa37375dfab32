const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const letterValues: ReadonlyMap<string, number> = new Map([...alphabet].map((letter, value) => [letter, value]));

/** RFC 4648 section 6 in lower case, without padding. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(held >> bits) & 31];
      held &= (1 << bits) - 1;
    }
  }
  return bits > 0 ? text + alphabet[(held << (5 - bits)) & 31] : text;
}

/**
 * The bytes of a text in either case, or undefined: a foreign character, a length that no bytes have, or bits in the
 * last character that carry nothing and are not zero. So every value has one text per case.
 */
export function decodeBase32(text: string): Uint8Array | undefined {
  // Before folding: Unicode folds characters from elsewhere to these letters.
  if (!/^[a-z2-7]*$/i.test(text)) return undefined;
  const folded = text.toLowerCase();
  const bytes = new Uint8Array(Math.floor((folded.length * 5) / 8));
  if (Math.ceil((bytes.length * 8) / 5) !== folded.length) return undefined;
  let bits = 0;
  let held = 0;
  let offset = 0;
  for (const letter of folded) {
    held = (held << 5) | letterValues.get(letter)!;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[offset] = held >> bits;
      offset += 1;
      held &= (1 << bits) - 1;
    }
  }
  return held === 0 ? bytes : undefined;
}
