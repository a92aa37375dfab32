import { VirtualClock } from '@sealane/testkit';
import { SealaneError } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { Probe } from './probe.js';

interface Ping {
  readonly answer: (ms: number) => void;
  readonly fail: (error: Error) => void;
}

function createProbe() {
  const clock = new VirtualClock();
  const pings: Ping[] = [];
  const send = () => new Promise<number>((answer, fail) => void pings.push({ answer, fail }));
  const probe = new Probe({ send, timeoutCode: 'ERR_E2EE_TIMEOUT', clock });
  return { clock, pings, probe };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a probe', () => {
  it('gives the round trip, or the error that ended it', async () => {
    const { pings, probe } = createProbe();
    const first = probe.measure(1_000);
    pings[0]?.answer(3);
    expect(await first).toEqual({ ms: 3 });
    const second = probe.measure(1_000);
    pings[1]?.fail(new SealaneError('ERR_E2EE_TRUNCATED'));
    expect(await second).toMatchObject({ error: { code: 'ERR_E2EE_TRUNCATED' } });
  });

  it('a late answer is lost, and never the answer of a later round', async () => {
    const { clock, pings, probe } = createProbe();
    const first = probe.measure(1_000);
    clock.advance(1_000);
    expect(await first).toMatchObject({ error: { code: 'ERR_E2EE_TIMEOUT' } });
    const second = probe.measure(1_000);
    await settle();
    expect(pings).toHaveLength(1);
    clock.advance(500);
    pings[0]?.answer(1_500);
    await settle();
    expect(pings).toHaveLength(2);
    pings[1]?.answer(4);
    expect(await second).toEqual({ ms: 4 });
  });

  it('sends nothing while an older one is on its way', async () => {
    const { clock, pings, probe } = createProbe();
    for (let round = 0; round < 5; round += 1) {
      const measured = probe.measure(1_000);
      clock.advance(1_000);
      expect(await measured).toMatchObject({ error: { code: 'ERR_E2EE_TIMEOUT' } });
    }
    expect(pings).toHaveLength(1);
  });
});
