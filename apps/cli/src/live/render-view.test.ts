import { describe, expect, it } from 'vitest';
import { createStyle } from '../output/style.js';
import { cutToWidth, displayWidth, fitToWidth } from './display-width.js';
import { formatBytes, formatDuration, formatRtt } from './format-amount.js';
import { renderView } from './render-view.js';
import type { LiveSession, LiveSnapshot } from './snapshot.js';

const plain = createStyle({ isTTY: true }, { NO_COLOR: '1' });
const coloured = createStyle({ isTTY: true }, {});
const idle = { bytesIn: 0, bytesOut: 0, inPerSecond: 0, outPerSecond: 0 };
const session = (changes: Partial<LiveSession> = {}): LiveSession => ({
  peerId: `${'abcdefgh'.repeat(6)}stuvwxyz`,
  alias: undefined,
  note: undefined,
  streams: 3,
  rttMs: 12.34,
  bytesIn: 1_234_567,
  bytesOut: 34_000,
  inPerSecond: 120_400,
  outPerSecond: 3_400_000,
  ...changes,
});
const snapshot = (changes: Partial<LiveSnapshot> = {}): LiveSnapshot => ({
  title: 'expose 127.0.0.1:8080',
  upMs: 3_723_000,
  links: [{ url: 'wss://relay.example', state: 'up', isUp: true, rttMs: 8.04 }],
  sessions: [session({ alias: 'alice' }), session({ note: 'closing', streams: 0, rttMs: undefined })],
  total: { ...idle, bytesIn: 5e9, sessions: 7, streams: 3 },
  ...changes,
});

describe('the live view', () => {
  it('shows links, sessions and sums on 80 columns', () => {
    expect(renderView(snapshot(), { columns: 80, rows: 24 }, plain)).toEqual([
      'expose 127.0.0.1:8080                                                up 1:02:03',
      'relay wss://relay.example                                   up           8.0 ms',
      'peer                        streams      in     out      in/s     out/s     rtt',
      'alice abcdefgh..wxyz              3 1.23 MB 34.0 kB  120 kB/s 3.40 MB/s   12 ms',
      'abcdefgh..wxyz                    0 1.23 MB 34.0 kB                     closing',
      'total, 7 sessions                 3 5.00 GB     0 B     0 B/s     0 B/s',
    ]);
  });

  it('keeps what matters most on 40 columns', () => {
    expect(renderView(snapshot(), { columns: 40, rows: 24 }, plain)).toEqual([
      'expose 127.0.0.1:8080        up 1:02:03',
      'relay wss://relay.. up           8.0 ms',
      'peer                     in/s     out/s',
      'alice abcdefgh..w..  120 kB/s 3.40 MB/s',
      'abcdefgh..wxyz                  closing',
      'total, 7 sessions       0 B/s     0 B/s',
    ]);
  });

  it('says in place what happens to a session, on any width', () => {
    for (const note of ['interrupted 59 s', 'resumed (12.3 s)', '漢字']) {
      for (let columns = 20; columns < 120; columns += 1) {
        const view = renderView(snapshot({ sessions: [session({ note })] }), { columns, rows: 24 }, plain);
        const line = view.find((text) => text.includes(note.slice(0, 6))) ?? '';
        expect(displayWidth(line)).toBe(columns - 1);
        if (columns >= 40) expect(line).toMatch(/^abcdefgh.* (interrupted 59 s|resumed \(12\.3 s\)|漢字)$/);
      }
    }
  });

  it.each([20, 21, 39, 40, 41, 50, 63, 72, 80, 132, 300])('no line is wider than %i columns less one', (columns) => {
    const hostile = snapshot({
      title: `expose unix:/${'漢字😀'.repeat(40)}`,
      links: [{ url: `wss://${'r'.repeat(200)}.example`, state: 'connecting', isUp: false, rttMs: 123_456 }],
      sessions: [session({ alias: '界'.repeat(60), peerId: 'x'.repeat(500), bytesIn: 9.99e14, inPerSecond: 1e14 })],
    });
    for (const line of renderView(hostile, { columns, rows: 24 }, plain)) {
      expect(displayWidth(line)).toBeLessThan(columns);
    }
  });

  it('leaves room for the cursor however many sessions there are, and shows the busiest in their order', () => {
    const sessions = Array.from({ length: 500 }, (_, index) =>
      session({ alias: `p${index}`, inPerSecond: index === 400 || index === 17 ? 1e6 : 0, outPerSecond: 0 }),
    );
    for (let rows = 1; rows < 30; rows += 1) {
      const lines = renderView(snapshot({ sessions }), { columns: 80, rows }, plain);
      expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
    }
    const lines = renderView(snapshot({ sessions }), { columns: 80, rows: 8 }, plain);
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'expose',
      'relay',
      'peer',
      'p17',
      'p400',
      'and',
      'total,',
    ]);
    expect(lines[5]).toBe('and 498 more');
  });

  it('shows text of others as text: nothing in it moves the cursor or changes colours', () => {
    const evil = '\u001b[2J\u001b]0;t\u0007\r\n\u202e';
    const lines = renderView(
      snapshot({
        title: evil,
        links: [{ url: evil, state: evil, isUp: true, rttMs: 1 }],
        sessions: [session({ alias: evil, peerId: evil })],
      }),
      { columns: 120, rows: 24 },
      plain,
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  it('colours change nothing but colours, and NO_COLOR has none', () => {
    const size = { columns: 80, rows: 24 };
    const lines = renderView(snapshot(), size, coloured);
    expect(lines.join('\n')).toContain('\u001b[');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are written with them
    expect(lines.map((line) => line.replace(/\u001b\[\d+m/g, ''))).toEqual(renderView(snapshot(), size, plain));
  });
});

describe('widths and amounts', () => {
  it('texts are cut by the columns that they take', () => {
    expect(displayWidth('aé漢😀e\u0301')).toBe(1 + 1 + 2 + 2 + 1);
    expect(cutToWidth('漢字漢字', 8)).toBe('漢字漢字');
    expect(cutToWidth('漢字漢字', 7)).toBe('漢字..');
    expect(fitToWidth('漢字漢字', 7)).toBe('漢字.. ');
    expect(fitToWidth('ab', 5, 'right')).toBe('   ab');
    expect([cutToWidth('abc', 2), cutToWidth('abc', 1), cutToWidth('abc', 0)]).toEqual(['..', '.', '']);
  });

  it('amounts have three digits', () => {
    expect([0, 999, 999.4, 1_000, 12_345, 99_949, 99_950, 999_499, 999_500, 1.5e9, 2e15].map(formatBytes)).toEqual([
      ...[
        '0 B',
        '999 B',
        '999 B',
        '1.00 kB',
        '12.3 kB',
        '99.9 kB',
        '100 kB',
        '999 kB',
        '1.00 MB',
        '1.50 GB',
        '2.00 PB',
      ],
    ]);
    expect([0, 59_999, 60_000, 3_600_000, 360_000_000].map(formatDuration)).toEqual([
      ...['0:00', '0:59', '1:00', '1:00:00', '100:00:00'],
    ]);
    expect([undefined, 0.123, 9.94, 9.96, 250.4].map(formatRtt)).toEqual(['-', '0.1 ms', '9.9 ms', '10 ms', '250 ms']);
  });
});
