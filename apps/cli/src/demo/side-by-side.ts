import { sanitize } from '../output/sanitize.js';
import type { Style } from '../output/style.js';

const leftWidth = 44;
const bytesPerLine = 12;

/** Hexadecimal and printable characters, as a dump shows them. */
export function hexLines(bytes: Uint8Array, lines: number): string[] {
  const shown: string[] = [];
  for (let offset = 0; offset < bytes.length && shown.length < lines; offset += bytesPerLine) {
    const part = Buffer.from(bytes.subarray(offset, offset + bytesPerLine));
    const hex = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = [...part].map((byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    shown.push(`${hex.padEnd(bytesPerLine * 3)} ${text}`);
  }
  return shown;
}

export interface Direction {
  readonly title: string;
  /** What the user's program sent or got. */
  readonly plaintext: Uint8Array;
  /** What the relay carried for it. */
  readonly ciphertext: Uint8Array;
}

/** The same bytes twice: as the user has them, and as the relay has them. */
export function renderSideBySide(directions: readonly Direction[], style: Style, lines = 8): string {
  const row = (left: string, right: string) => `  ${left.padEnd(leftWidth)} | ${right}`;
  const out = [style.bold(row('what you see', 'what the relay sees'))];
  for (const { title, plaintext, ciphertext } of directions) {
    out.push(`  ${'-'.repeat(leftWidth)} | ${'-'.repeat(bytesPerLine * 4 + 1)}`);
    out.push(row(`${title}, ${plaintext.length} bytes`, `${ciphertext.length} bytes`));
    const left = Buffer.from(plaintext)
      .toString('utf8')
      .split(/\r?\n/)
      .slice(0, lines)
      .map((line) => sanitize(line, leftWidth - 3));
    const right = hexLines(ciphertext, lines);
    for (let line = 0; line < Math.max(left.length, right.length); line += 1) {
      const text = (left[line] ?? '').slice(0, leftWidth).padEnd(leftWidth);
      out.push(`  ${style.green(text)} | ${style.yellow(right[line] ?? '')}`.trimEnd());
    }
  }
  return out.join('\n');
}

/** How often `needle` is in `bytes`. */
export function countOccurrences(bytes: Uint8Array, needle: string): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  for (let at = buffer.indexOf(needle); at !== -1; at = buffer.indexOf(needle, at + 1)) count += 1;
  return count;
}
