import { describe, expect, it } from 'vitest';
import { resolveLimits } from './limits.js';
import { LinkLiveness } from './link-liveness.js';

/** Verdicts of one check per second, for what was received, sent and queued by then. */
function verdicts(checks: readonly (readonly [received: number, sent: number, queued: number])[]): string[] {
  const liveness = new LinkLiveness(resolveLimits(), 0);
  return checks.map(([receivedBytes, sentBytes, queuedBytes], index) =>
    liveness.check({ receivedBytes, sentBytes, queuedBytes }, (index + 1) * 1_000),
  );
}

describe('LinkLiveness', () => {
  it('asks for a ping after 5 s of silence and gives up after 10 s', () => {
    const silence = verdicts(Array.from({ length: 11 }, () => [1, 1, 0] as const));
    expect(silence).toEqual([...Array(5).fill('alive'), ...Array(5).fill('ping'), 'dead']);
  });

  it('does not take a ping that the kernel swallowed for a sign of life', () => {
    expect(verdicts(Array.from({ length: 11 }, (_, i) => [1, i * 17, 0] as const)).at(-1)).toBe('dead');
  });

  it('gives up after 3 s in which bytes waited and none left', () => {
    expect(verdicts(Array.from({ length: 4 }, () => [1, 1, 500] as const))).toEqual([
      'alive',
      'alive',
      'alive',
      'dead',
    ]);
  });

  it('counts these 3 s from when bytes began to wait, however long the client had nothing to say before', () => {
    const silent = Array.from({ length: 8 }, () => [1, 1, 0] as const);
    const waiting = Array.from({ length: 4 }, () => [1, 1, 500] as const);
    expect(verdicts([...silent.slice(0, 6), ...waiting]).slice(6)).toEqual(['ping', 'ping', 'ping', 'dead']);
    expect(verdicts([...silent.slice(0, 4), [1, 1, 500], [1, 501, 0], ...silent.slice(0, 3)])).not.toContain('dead');
    // The 10 s of a client that says nothing at all do not start anew.
    expect(verdicts([...silent, ...waiting.slice(0, 3)]).slice(8)).toEqual(['ping', 'ping', 'dead']);
  });

  it('keeps a slow reader that takes a little all the time', () => {
    const slow = verdicts(Array.from({ length: 60 }, (_, i) => [1, i, 500] as const));
    expect(slow).not.toContain('dead');
  });

  it('does not blame the peer when this process itself stood still', () => {
    const liveness = new LinkLiveness(resolveLimits(), 0);
    const idle = { receivedBytes: 1, sentBytes: 1, queuedBytes: 0 };
    liveness.check(idle, 1_000);
    expect(liveness.check(idle, 60_000)).toBe('alive');
  });
});
