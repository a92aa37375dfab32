import { VirtualClock } from '@sealane/testkit';
import { SessionLimit } from '@sealane/types';
import { Admission, type Unconfirmed, UnconfirmedTable } from '../../client/src/handshake/admission.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

/** What strangers may cost an owner before they are known: tokens, connection ids, unconfirmed sessions. */
export const admissionTarget: Target = {
  name: 'admission',
  shape: { kind: 'bytes' },
  maxBytes: 300,
  seeds: () =>
    ['0001 0002 0001 0100', '02ff 02ff 0364 0401 03ff 05', '06ff 06ff 06ff 06ff 06ff 0301 06ff'].map((hex) =>
      fromHex(hex.replaceAll(' ', '')),
    ),
  run(input) {
    const script = new Script(input);
    const clock = new VirtualClock();
    const admission = new Admission(clock);
    const table = new UnconfirmedTable(clock);
    const seen = new Set<number>();
    const live = new Map<Unconfirmed, number>();
    let taken = 0;
    for (let step = 0; step < 80 && !script.isOver; step++) {
      const argument = script.u8();
      switch (argument % 7) {
        case 0: {
          const id = script.u8();
          assertRule(admission.isNew(new Uint8Array(16).fill(id)) === !seen.has(id), 'a connection id is new once');
          seen.add(id);
          break;
        }
        case 1:
        case 2:
          for (let count = script.u8() * 2; count > 0; count--) add(table, live, clock);
          break;
        case 3:
          clock.advance(script.u8() * 50);
          break;
        case 4: {
          const entry = [...live.keys()][script.u8() % Math.max(1, live.size)];
          if (entry === undefined) break;
          table.remove(entry);
          live.delete(entry);
          break;
        }
        case 5:
          table.dropBound();
          assertRule(live.size === 0, 'all are dropped');
          break;
        default:
          for (let count = script.u8() * 8; count > 0; count--) if (admission.takeToken()) taken++;
      }
      assertRule(taken <= 1_000 + clock.nowMs() + 1, 'so many handshakes a second');
      assertRule(table.size === live.size && live.size <= SessionLimit.maxUnconfirmedPerLink, 'so many at a time');
      for (const dueMs of live.values()) assertRule(clock.nowMs() < dueMs, 'nobody waits longer than 10 s');
      assertRule(clock.pending <= 1, 'one timer serves all');
    }
    table.dropBound();
    assertRule(live.size === 0 && clock.pending === 0, 'nothing is left');
  },
};

function add(table: UnconfirmedTable, live: Map<Unconfirmed, number>, clock: VirtualClock): void {
  const entry: Unconfirmed = {
    drop: () => assertRule(live.delete(entry), 'who is dropped was there'),
  };
  live.set(entry, clock.nowMs() + SessionLimit.confirmWaitMs);
  table.add(entry);
}
