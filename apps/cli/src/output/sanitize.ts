/**
 * Characters that a terminal acts on or that reorder and hide text: C0 and C1 controls, DEL, soft hyphen,
 * zero-width and bidirectional marks, line separators, variation and tag characters, unpaired surrogates.
 */
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]|[\ufe00-\ufe0f]|[\u{e0000}-\u{e0fff}]/gu;

/** Text of a peer, a relay or a file made safe for a terminal: one line, nothing hidden, at most `limit` characters. */
export function sanitize(text: string, limit = 300): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text;
  return cut.replace(unsafe, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** One JSON object on one line in plain ASCII, so that no reader and no terminal can take a part of it for anything else. */
export function encodeJsonLine(value: object): string {
  const text = JSON.stringify(value);
  return `${text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
