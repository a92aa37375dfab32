import { photographQr } from '@sealane/testkit';
import decodeQr from 'qr/decode.js';
import { describe, expect, it } from 'vitest';
import { drawQr } from './qr.js';

const secret = 'bnjtrdn573kmg4ejyq36wdklt5dbcnrnrvos5urlyr5ex35ne4wkimi';
const address = `sealane://${'tw7ktw6lwgk6mqxqhk2hhl5gamdriqz2ggp2z2qavgy4ff6f3x5q3cab'}?relay=wss%3A%2F%2Frelay.example%23${'xtcerr4oxgkaxq2gibeaaquz653jvffv7j22qmn43hrqmbrxa4bwldqb'}#1:${secret}`;
const terminal = { isTTY: true, columns: 120, rows: 60 };
const utf8 = { LANG: 'en_US.UTF-8', TERM: 'xterm' };

describe('drawQr', () => {
  it('shows a code that a foreign reader reads as exactly the address, dark on light', () => {
    const drawing = drawQr(address, terminal, utf8);
    expect(drawing).toContain('\u001b[30;107m');
    expect(decodeQr(photographQr(drawing ?? '', false))).toBe(address);
  });

  it('without colours takes the terminal for a dark one', () => {
    const drawing = drawQr(address, terminal, { ...utf8, NO_COLOR: '1' });
    expect(drawing).not.toContain('\u001b');
    expect(decodeQr(photographQr(drawing ?? '', true))).toBe(address);
  });

  it('reads as the address for lengths of every kind', () => {
    for (let length = 1; length < 300; length += 37) {
      const text = address.repeat(2).slice(0, length);
      expect(decodeQr(photographQr(drawQr(text, { ...terminal, columns: 200, rows: 100 }, utf8) ?? '', false))).toBe(
        text,
      );
    }
  });

  const lines = (drawQr(address, terminal, utf8) ?? '').trimEnd().split('\n');
  it.each([
    ['no terminal', { ...terminal, isTTY: false }, utf8],
    ['a terminal that is too narrow', { ...terminal, columns: lines.length * 2 - 2 }, utf8],
    ['a terminal that is too low', { ...terminal, rows: lines.length + 1 }, utf8],
    ['a dumb terminal', terminal, { ...utf8, TERM: 'dumb' }],
    ['another encoding', terminal, { LANG: 'C', TERM: 'xterm' }],
    ['an encoding that LC_ALL says', terminal, { ...utf8, LC_ALL: 'de_DE.ISO-8859-1' }],
  ])('says nothing on %s', (_, where, env) => {
    expect(drawQr(address, where, env)).toBeUndefined();
  });

  it('says nothing for a text that no code holds', () => {
    expect(drawQr('x'.repeat(5_000), { ...terminal, columns: 500, rows: 500 }, utf8)).toBeUndefined();
  });
});
