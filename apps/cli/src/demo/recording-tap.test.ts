import { describe, expect, it } from 'vitest';
import { Recording } from './recording-tap.js';

describe('Recording', () => {
  it('gives what passed since a mark', () => {
    const recording = new Recording();
    recording.add(Buffer.from('one'));
    const mark = recording.total;
    recording.add(Buffer.from('two'));
    recording.add(Buffer.from('three'));
    expect(recording.since(mark).toString()).toBe('twothree');
    expect(recording.since(0).toString()).toBe('onetwothree');
    expect(recording.since(recording.total).toString()).toBe('');
  });

  it('keeps a bounded tail, however much passes', () => {
    const recording = new Recording();
    for (let index = 0; index < 100; index += 1) recording.add(Buffer.alloc(65_536, index));
    expect(recording.total).toBe(6_553_600);
    expect(recording.since(0).length).toBeLessThanOrEqual(262_144 + 65_536);
    expect(recording.since(recording.total - 4)).toEqual(Buffer.alloc(4, 99));
  });
});
