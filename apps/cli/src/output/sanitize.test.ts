import { describe, expect, it } from 'vitest';
import { encodeJsonLine, sanitize } from './sanitize.js';

describe('sanitize', () => {
  it('shows terminal escapes, bells and line breaks instead of sending them', () => {
    expect(sanitize('a\u001b[2Jb\u0007c\nd\re')).toBe('a\\u{1b}[2Jb\\u{7}c\\u{a}d\\u{d}e');
  });

  it('shows bidirectional overrides, zero-width and tag characters', () => {
    expect(sanitize('x\u202ey\u200bz\u{e0041}')).toBe('x\\u{202e}y\\u{200b}z\\u{e0041}');
  });

  it('shows C1 controls, which some terminals take for escapes', () => {
    expect(sanitize('\u009b31m')).toBe('\\u{9b}31m');
  });

  it('keeps readable text of any language', () => {
    expect(sanitize('Grüße, мир, 世界')).toBe('Grüße, мир, 世界');
  });

  it('cuts at the limit', () => {
    expect(sanitize('a'.repeat(20), 5)).toBe('aaaaa...');
  });
});

describe('encodeJsonLine', () => {
  it('is one ASCII line that parses back to the same value', () => {
    const value = { text: 'a\nb\u2028c\u009bd世\u{1f600}' };
    const line = encodeJsonLine(value);
    expect(line).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(line)).toEqual(value);
  });
});
