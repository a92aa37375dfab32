import { describe, expect, it } from 'vitest';
import type { CliEvent } from '../output/events.js';
import { formatBytes, Progress } from './progress.js';

function watch(isTTY: boolean, json: boolean) {
  let text = '';
  let nowMs = 0;
  const events: CliEvent[] = [];
  const sink = {
    isTTY,
    columns: 70,
    write: (piece: string) => {
      text += piece;
    },
  };
  const progress = new Progress({ json, event: (event) => events.push(event) }, sink, () => nowMs);
  return {
    progress,
    events,
    text: () => text,
    later(ms: number, bytes: number): void {
      nowMs += ms;
      progress.advance(bytes);
    },
  };
}

describe('Progress', () => {
  it('writes one line anew on a terminal, at most ten times a second, with what is left', () => {
    const { progress, later, text } = watch(true, false);
    progress.start('photos.tar', 10_000_000, 0);
    for (let step = 0; step < 20; step += 1) later(50, 250_000);
    const lines = text().split('\r\u001b[2K').slice(1);
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toBe('photos.tar  5.00 MB of 10.0 MB  50 %  5.00 MB/s  1 s left');
    progress.clear();
    expect(text().endsWith('\r\u001b[2K')).toBe(true);
    const before = text();
    progress.clear();
    expect(text()).toBe(before);
  });

  it('counts the rate from where an interrupted file goes on', () => {
    const { progress, later, text } = watch(true, false);
    progress.start('a', 10_000_000, 8_000_000);
    later(1_000, 1_000_000);
    expect(text()).toContain('9.00 MB of 10.0 MB  90 %  1.00 MB/s  1 s left');
  });

  it('makes a hostile name safe and cuts it to the line', () => {
    const { progress, later, text } = watch(true, false);
    progress.start(`\u001b[31m${'x'.repeat(200)}`, null, 0);
    later(1_000, 5);
    expect(text().startsWith('\r\u001b[2K\\u{1b}[31mxxx')).toBe(true);
    expect(text().endsWith('x…  5 B  5 B/s')).toBe(true);
    expect(text().length).toBeLessThanOrEqual(5 + 70);
  });

  it('is an event each second for programs, and nothing where nobody sees it', () => {
    const programs = watch(true, true);
    programs.progress.start('a', 100, 0);
    for (let step = 0; step < 30; step += 1) programs.later(100, 1);
    expect(programs.text()).toBe('');
    expect(programs.events).toHaveLength(3);
    expect(programs.events[2]).toEqual({
      event: 'progress',
      file: 'a',
      bytes: 30,
      size: 100,
      bytesPerSecond: 10,
      etaMs: 7_000,
    });
    const log = watch(false, false);
    log.progress.start('a', 100, 0);
    log.later(5_000, 50);
    expect([log.text(), log.events]).toEqual(['', []]);
  });

  it('formats bytes in three digits', () => {
    expect([0, 999, 1_000, 1_234_567, 999_600, 5e12].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.00 KB',
      '1.23 MB',
      '1.00 MB',
      '5.00 TB',
    ]);
  });
});
