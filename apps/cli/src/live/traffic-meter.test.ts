import { VirtualClock } from '@sealane/testkit';
import { describe, expect, it } from 'vitest';
import { isForeground } from './foreground.js';
import { TrafficMeter } from './traffic-meter.js';
import { wantsLive } from './wants-live.js';

describe('throughput', () => {
  it('is what came between two looks, however long that took, and a second look at once changes nothing', () => {
    const clock = new VirtualClock();
    const meter = new TrafficMeter();
    const source = {};
    const look = (bytesReceived: number, bytesSent: number) =>
      meter.measure(source, { bytesReceived, bytesSent }, clock.nowMs());
    expect(look(5_000, 100)).toEqual({ bytesIn: 5_000, bytesOut: 100, inPerSecond: 0, outPerSecond: 0 });
    clock.advance(2_000);
    expect(look(9_000, 100)).toMatchObject({ inPerSecond: 2_000, outPerSecond: 0 });
    clock.advance(10);
    // A redraw between two seconds, as a resized terminal causes it.
    expect(look(9_500, 200)).toEqual({ bytesIn: 9_500, bytesOut: 200, inPerSecond: 2_000, outPerSecond: 0 });
    clock.advance(990);
    expect(look(9_500, 1_100)).toMatchObject({ inPerSecond: 500, outPerSecond: 1_000 });
    clock.advance(1_000);
    expect(look(9_500, 1_100)).toMatchObject({ inPerSecond: 0, outPerSecond: 0 });
  });
});

describe('a live view is shown', () => {
  const env = { TERM: 'xterm-256color' };
  it.each([
    ['on a terminal', {}, true, env, true],
    ['not in a pipe or a file', {}, false, env, false],
    ['not in a pipe even when asked for', { live: true }, false, env, false],
    ['not on a terminal that cannot move its cursor', { live: true }, true, { TERM: 'dumb' }, false],
    ['not with --json', { json: true, live: true }, true, env, false],
    ['not with --stdio', { stdio: true, live: true }, true, env, false],
    ['not with --no-live', { live: false }, true, env, false],
    ['not with NO_COLOR', {}, true, { ...env, NO_COLOR: '1' }, false],
    ['with NO_COLOR when asked for', { live: true }, true, { ...env, NO_COLOR: '1' }, true],
  ])('%s', (_, options, isTerminal, environment, expected) => {
    expect(wantsLive(options, isTerminal, environment)).toBe(expected);
  });

  it.runIf(process.platform === 'linux')('in the foreground alone', () => {
    const stat = (group: number) => `7 (a) b) (c) S 1 42 42 34816 ${group} 4194304 0`;
    expect(isForeground(() => stat(42))).toBe(true);
    expect(isForeground(() => stat(43))).toBe(false);
    expect(isForeground(() => expect.unreachable())).toBe(true);
  });
});
