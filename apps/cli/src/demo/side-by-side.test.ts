import { describe, expect, it } from 'vitest';
import { createStyle } from '../output/style.js';
import { countOccurrences, hexLines, renderSideBySide } from './side-by-side.js';

describe('side by side', () => {
  it('shows bytes as a dump', () => {
    expect(hexLines(new TextEncoder().encode('GET / \u0000\u001b[2J'), 4)).toEqual([
      '47 45 54 20 2f 20 00 1b 5b 32 4a     GET./...[2J',
    ]);
  });

  it('shows the plaintext left and the ciphertext right, without control characters', () => {
    const text = renderSideBySide(
      [
        {
          title: 'request',
          plaintext: new TextEncoder().encode('GET /\u001b[2J\r\nHost: x\r\n'),
          ciphertext: Uint8Array.of(1, 2, 0xff),
        },
      ],
      createStyle({}),
    );
    expect(text).not.toContain('\u001b');
    expect(text).toContain('GET /\\u{1b}[2J');
    expect(text).toMatch(/Host: x +\|/);
    expect(text).toContain('| 01 02 ff');
  });

  it('counts how often a word is in the bytes', () => {
    expect(countOccurrences(new TextEncoder().encode('abcabc'), 'abc')).toBe(2);
    expect(countOccurrences(new TextEncoder().encode('abcabc'), 'x')).toBe(0);
  });
});
