const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 bytes in a new array. A lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of `bytes`, or undefined if that is not well-formed UTF-8 (RFC 3629). */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
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
