import decodeQr from 'qr/decode.js';
import { describe, expect, it } from 'vitest';
import { drawQr } from './qr.js';

const secret = 'bnjtrdn573kmg4ejyq36wdklt5dbcnrnrvos5urlyr5ex35ne4wkimi';
const address = `sealane://${'tw7ktw6lwgk6mqxqhk2hhl5gamdriqz2ggp2z2qavgy4ff6f3x5q3cab'}?relay=wss%3A%2F%2Frelay.example%23${'xtcerr4oxgkaxq2gibeaaquz653jvffv7j22qmn43hrqmbrxa4bwldqb'}#1:${secret}`;
const terminal = { isTTY: true, columns: 120, rows: 60 };
const utf8 = { LANG: 'en_US.UTF-8', TERM: 'xterm' };

/** What a camera sees of the drawing: `light` says whether a printed block is light. */
function photograph(
  drawing: string,
  isBlockLight: boolean,
): { width: number; height: number; data: Uint8ClampedArray } {
  const scale = 4;
  const lines = drawing.replaceAll('\u001b[30;107m', '').replaceAll('\u001b[0m', '').trimEnd().split('\n');
  const columns = Math.max(...lines.map((line) => line.length)) + 8;
  const rows = lines.length * 2 + 8;
  const data = new Uint8ClampedArray(columns * rows * scale * scale * 4).fill(isBlockLight ? 0 : 255);
  lines.forEach((line, row) => {
    [...line].forEach((character, column) => {
      const halves = [character === '█' || character === '▀', character === '█' || character === '▄'];
      halves.forEach((isBlock, half) => {
        const isLight = isBlock === isBlockLight;
        for (let dy = 0; dy < scale; dy += 1) {
          for (let dx = 0; dx < scale; dx += 1) {
            const y = (4 + row * 2 + half) * scale + dy;
            const x = (4 + column) * scale + dx;
            data.fill(isLight ? 255 : 0, (y * columns * scale + x) * 4, (y * columns * scale + x) * 4 + 3);
          }
        }
      });
    });
  });
  for (let alpha = 3; alpha < data.length; alpha += 4) data[alpha] = 255;
  return { width: columns * scale, height: rows * scale, data };
}

describe('drawQr', () => {
  it('shows a code that a foreign reader reads as exactly the address, dark on light', () => {
    const drawing = drawQr(address, terminal, utf8);
    expect(drawing).toContain('\u001b[30;107m');
    expect(decodeQr(photograph(drawing ?? '', false))).toBe(address);
  });

  it('without colours takes the terminal for a dark one', () => {
    const drawing = drawQr(address, terminal, { ...utf8, NO_COLOR: '1' });
    expect(drawing).not.toContain('\u001b');
    expect(decodeQr(photograph(drawing ?? '', true))).toBe(address);
  });

  it('reads as the address for lengths of every kind', () => {
    for (let length = 1; length < 300; length += 37) {
      const text = address.repeat(2).slice(0, length);
      expect(decodeQr(photograph(drawQr(text, { ...terminal, columns: 200, rows: 100 }, utf8) ?? '', false))).toBe(
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
