import { VirtualClock } from '@sealane/testkit';
import { SealaneError, SessionLimit } from '@sealane/types';
import { AckState } from '../../client/src/session/ack-state.js';
import { SentRecords } from '../../client/src/session/sent-records.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

/** When an ack is due for what was opened, and what a peer's ack says about what was sent. */
export const ackStateTarget: Target = {
  name: 'ack-state',
  shape: { kind: 'bytes' },
  maxBytes: 300,
  seeds: () =>
    ['000100 0300 04ff', '01ff 01ff 02', '0001 05 0601 0701 05 0602 08', '00ff 00ff 0102 04fa 03 05 05 0602 0600'].map(
      (hex) => fromHex(hex.replaceAll(' ', '')),
    ),
  run(input) {
    const script = new Script(input);
    const clock = new VirtualClock();
    runAcks(script, clock);
    runSent(script, clock);
  },
};

function runAcks(script: Script, clock: VirtualClock): void {
  let calls = 0;
  const ack = new AckState(clock, () => {
    calls++;
  });
  let oldestMs: number | undefined;
  let records = 0;
  let bytes = 0;
  for (let step = 0; step < 100 && !script.isOver; step++) {
    const action = script.below(6);
    if (action === 5) break;
    if (action <= 2) {
      const length = script.u8() * 300;
      const kind = (['data', 'quiet', 'urgent'] as const)[action]!;
      ack.onRecord(length, kind);
      records++;
      bytes += length;
      if (kind === 'data') oldestMs ??= clock.nowMs();
      if (kind === 'urgent') assertRule(ack.isDue, 'what is urgent is acked at once');
    } else if (action === 3) {
      ack.onSent();
      [records, bytes, oldestMs] = [0, 0, undefined];
    } else {
      clock.advance(script.u8());
    }
    const isMany = records >= SessionLimit.ackRecords || bytes >= SessionLimit.ackBytes;
    const isOld = oldestMs !== undefined && clock.nowMs() - oldestMs >= SessionLimit.ackDelayMs;
    assertRule(ack.isDue || !(isMany || isOld), 'an ack is due after so many bytes, records or milliseconds');
    assertRule(records > 0 || !ack.isDue, 'no ack is due for nothing');
    assertRule(clock.pending <= 1, 'a session has one timer for its acks');
  }
  assertRule(calls <= 101, 'who is told, is told once');
  ack.stop();
  assertRule(clock.pending === 0, 'no timer is left');
}

function runSent(script: Script, clock: VirtualClock): void {
  const sent = new SentRecords();
  const ends: { readonly number: number; state: 'open' | 'acknowledged' | 'lost' }[] = [];
  let next = 0;
  let highest = 0;
  let awaited = 0;
  for (let step = 0; step < 100 && !script.isOver; step++) {
    clock.advance(1);
    const action = script.below(3);
    if (action < 2) {
      const end = { number: next, state: 'open' as 'open' | 'acknowledged' | 'lost' };
      const change = (state: 'acknowledged' | 'lost'): void => {
        assertRule(end.state === 'open', 'an end is told about once');
        end.state = state;
      };
      const isPureAck = script.flag();
      const stream = { onEndAcknowledged: () => change('acknowledged'), onEndLost: () => change('lost') };
      const hasEnd = action === 1 && !isPureAck;
      const parts = [new Uint8Array(1)];
      const streams = hasEnd ? [stream] : [];
      sent.add({ number: next, parts, length: 1, flags: { ends: streams, isPureAck } }, clock.nowMs());
      if (hasEnd) ends.push(end);
      next++;
      if (!isPureAck) awaited = next;
    } else {
      const ack = script.u8() % (next + 2);
      const isTaken = accepted(['ERR_E2EE_PROTOCOL'], () => {
        sent.acknowledge(ack, clock.nowMs());
        return true;
      });
      assertRule((isTaken === true) === ack <= next, 'an ack is of what was sent');
      if (isTaken === true) highest = Math.max(highest, ack);
    }
    assertRule(sent.acknowledged === highest, 'acks only grow');
    assertRule(sent.hasUnacknowledged === highest < awaited, 'what waits is what was not acknowledged');
    for (const { number, state } of ends) {
      assertRule((state === 'acknowledged') === number < highest, 'an end is acknowledged with its record');
    }
  }
  sent.abandon(() => new SealaneError('ERR_E2EE_TRUNCATED'));
  assertRule(
    ends.every(({ state }) => state !== 'open'),
    'no end is left without a word',
  );
}
