import { describe, expect, it } from 'vitest';
import type { CliEvent } from './events.js';
import { createOnlyTrouble } from './only-trouble.js';

const connecting: CliEvent = { event: 'status', state: 'connecting', relay: 'wss://r' };
const up: CliEvent = { event: 'status', state: 'connected', relay: 'wss://r#id' };
const reached: CliEvent = { event: 'connected', peer: 'p', service: '' };
const opened: CliEvent = { event: 'stream', state: 'open', stream: 1, peer: 'p' };
const waiting: CliEvent = { event: 'status', state: 'waiting', code: 'ERR_LINK_FAILED', retryInMs: 100 };
const told = (events: readonly CliEvent[]): CliEvent[] => {
  const isUntold = createOnlyTrouble();
  return events.filter((event) => !isUntold(event));
};

describe('a program that another one runs', () => {
  it('says nothing when all goes well', () => {
    const closed: CliEvent = { event: 'stream', state: 'closed', stream: 1, peer: 'p' };
    expect(told([connecting, up, reached, opened, closed])).toEqual([]);
  });

  it('tells a trouble, and its end, once', () => {
    expect(told([connecting, waiting, connecting, up, reached, opened, up, reached])).toEqual([waiting, up, reached]);
  });

  it('tells what a person must know', () => {
    const pinned: CliEvent = { event: 'status', state: 'pinned', message: 'db -> id' };
    const interrupted: CliEvent = { event: 'session', state: 'interrupted', peer: 'p', code: 'ERR_E2EE_TRUNCATED' };
    const resumed: CliEvent = { event: 'session', state: 'resumed', peer: 'p', gapMs: 1_200 };
    const reset: CliEvent = { event: 'stream', state: 'reset', stream: 1, peer: 'p', code: 'ERR_STREAM_RESET' };
    const refused: CliEvent = { event: 'refused', code: 'ERR_E2EE_DENIED' };
    const all = [pinned, interrupted, resumed, reset, refused];
    expect(told(all)).toEqual(all);
    expect(told([pinned, up])).toEqual([pinned]);
  });
});
