const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** UTF-8 bytes in a new array. A lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of `bytes[start, end)`, or undefined if that is not well-formed UTF-8 (RFC 3629). */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  return isUtf8(bytes, start, end) ? decoder.decode(bytes.subarray(start, end)) : undefined;
}

/** RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. Allocates nothing. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const first = bytes[at]!;
    if (first < 0x80) {
      at += 1;
      continue;
    }
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || at + length > end) return false;
    // The second byte alone decides over overlong forms, surrogates and the upper end.
    const second = bytes[at + 1]!;
    const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return false;
    for (let index = 2; index < length; index += 1) {
      if ((bytes[at + index]! & 0xc0) !== 0x80) return false;
    }
    at += length;
  }
  return true;
}

// Texts of a peer end up in terminals and logs, so C0, DEL and C1 are no part of any text on the wire; a lone
// surrogate has no UTF-8.
const controlCharacter = /\p{Cc}/u;
const notPlain = /[\p{Cc}\p{Cs}]/u;

/** True for a text without control characters that UTF-8 can carry. */
export function isPlainText(text: string): boolean {
  return !notPlain.test(text);
}

/** `text` made fit for the wire: control characters become spaces, and it is cut at the end of a character. */
export function clipText(text: string, maxBytes: number): string {
  let clipped = '';
  let used = 0;
  for (const character of text) {
    const bytes = encoder.encode(controlCharacter.test(character) ? ' ' : character);
    used += bytes.length;
    if (used > maxBytes) break;
    clipped += decoder.decode(bytes);
  }
  return clipped;
}
