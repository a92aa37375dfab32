import type { LinkEnd, MessageLink } from '@sealane/types';
import { expect, test } from 'vitest';
import { createLinkPair } from './link-pair.js';
import { VirtualClock } from './virtual-clock.js';

function record(link: MessageLink): { messages: number[][]; drains: number; ends: LinkEnd[] } {
  const seen = { messages: [] as number[][], drains: 0, ends: [] as LinkEnd[] };
  link.start({
    onMessage: (message) => seen.messages.push([...message]),
    onDrain: () => seen.drains++,
    onEnd: (end) => seen.ends.push(end),
  });
  return seen;
}

test('messages arrive in order after the delay and never inside send', () => {
  const clock = new VirtualClock();
  let delayMs = 50;
  const [a, b] = createLinkPair(clock, { delayMs: () => delayMs });
  record(a);
  const seen = record(b);
  a.send(Uint8Array.of(1));
  delayMs = 1;
  a.send(Uint8Array.of(2));
  expect(seen.messages).toEqual([]);
  clock.advance(49);
  expect(seen.messages).toEqual([]);
  clock.advance(1);
  expect(seen.messages).toEqual([[1], [2]]);
  expect([a.sentBytes, b.receivedBytes]).toEqual([2, 2]);
});

test('what arrives before start is kept until start', () => {
  const clock = new VirtualClock();
  const [a, b] = createLinkPair(clock);
  a.send(Uint8Array.of(1));
  clock.advance(10);
  const seen = record(b);
  clock.advance(0);
  expect(seen.messages).toEqual([[1]]);
});

test('a rate holds bytes back and reports a drain below the low mark', () => {
  const clock = new VirtualClock();
  const [a, b] = createLinkPair(clock, { bytesPerMs: 10, lowMarkBytes: 50 });
  const sender = record(a);
  const receiver = record(b);
  for (let index = 0; index < 3; index++) a.send(new Uint8Array(40));
  expect(a.queuedBytes).toBe(120);
  clock.advance(4);
  expect([a.queuedBytes, sender.drains, receiver.messages.length]).toEqual([80, 0, 1]);
  clock.advance(4);
  expect([a.queuedBytes, sender.drains]).toEqual([40, 1]);
});

test('a paused side takes nothing until it is resumed', () => {
  const clock = new VirtualClock();
  const [a, b] = createLinkPair(clock);
  record(a);
  const seen = record(b);
  a.pause();
  a.send(Uint8Array.of(1));
  clock.advance(1_000);
  expect([a.queuedBytes, seen.messages.length]).toEqual([1, 0]);
  a.resume();
  clock.advance(1);
  expect(seen.messages).toEqual([[1]]);
});

test('close delivers what is queued and ends both sides cleanly, once', () => {
  const clock = new VirtualClock();
  const [a, b] = createLinkPair(clock, { delayMs: 5 });
  const first = record(a);
  const second = record(b);
  a.send(Uint8Array.of(1));
  a.close(4000, 'done');
  a.send(Uint8Array.of(2));
  clock.advance(100);
  expect(second.messages).toEqual([[1]]);
  expect(first.ends).toEqual([{ clean: true, code: 4000, reason: 'done' }]);
  expect(second.ends).toEqual(first.ends);
});

test('abort ends both sides uncleanly and drops what is queued', () => {
  const clock = new VirtualClock();
  const [a, b] = createLinkPair(clock, { bytesPerMs: 1 });
  const first = record(a);
  const second = record(b);
  a.send(new Uint8Array(100));
  a.abort();
  clock.advance(200);
  expect(second.messages).toEqual([]);
  expect([first.ends.length, second.ends.length]).toEqual([1, 1]);
  expect(second.ends[0]?.clean).toBe(false);
});

test('faults drop, replace, repeat and cut', () => {
  const clock = new VirtualClock();
  const [a, b] = createLinkPair(clock, {
    fault: ({ index, message }) => {
      if (index === 0) return 'drop';
      if (index === 1) return { deliver: [message, message] };
      if (index === 2) return { deliver: [Uint8Array.of(9)] };
      return 'cut';
    },
  });
  const first = record(a);
  const seen = record(b);
  for (let value = 0; value < 4; value++) a.send(Uint8Array.of(value));
  clock.advance(10);
  expect(seen.messages).toEqual([[1], [1], [9]]);
  expect(seen.ends.map(({ clean }) => clean)).toEqual([false]);
  expect(first.ends.map(({ clean }) => clean)).toEqual([false]);
});
