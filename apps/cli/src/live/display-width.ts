/** Characters that take no column, and those that take two: CJK, Hangul, full-width forms, emoji. */
const none = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const double =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}])$/u;

/** Columns that a text without control characters takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** The text, or so much of it that it fits with `..` after it. */
export function cutToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  const mark = '..'.slice(0, Math.max(0, columns));
  let cut = '';
  let width = mark.length;
  for (const character of text) {
    width += widthOf(character);
    if (width > columns) break;
    cut += character;
  }
  return cut + mark;
}

/** Exactly so many columns. */
export function fitToWidth(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutToWidth(text, columns);
  const space = ' '.repeat(Math.max(0, columns - displayWidth(cut)));
  return align === 'left' ? cut + space : space + cut;
}

function widthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (none.test(character)) return 0;
  return double.test(character) ? 2 : 1;
}
