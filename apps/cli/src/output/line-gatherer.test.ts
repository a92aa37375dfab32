import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLineGatherer } from './line-gatherer.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('lines of ten milliseconds are one write, in order, and nothing is written twice', () => {
  const written: string[] = [];
  const gatherer = createLineGatherer((text) => written.push(text));
  for (const line of ['a\n', 'b\n', 'c\n']) gatherer.add(line);
  expect(written).toEqual([]);
  expect(gatherer.length).toBe(6);
  vi.advanceTimersByTime(10);
  expect(written).toEqual(['a\nb\nc\n']);
  gatherer.add('d\n');
  gatherer.addLast('e\n');
  gatherer.flush();
  vi.advanceTimersByTime(1_000);
  expect(written).toEqual(['a\nb\nc\n', 'd\ne\n']);
  expect(gatherer.length).toBe(0);
});

test('what waits when the process ends is written, and no listener stays behind', () => {
  const written: string[] = [];
  const before = process.listenerCount('exit');
  const gatherer = createLineGatherer((text) => written.push(text));
  gatherer.add('last\n');
  const [listener] = process.listeners('exit').slice(before);
  expect(listener).toBeDefined();
  listener?.(0);
  expect(written).toEqual(['last\n']);
  expect(process.listenerCount('exit')).toBe(before);
});
