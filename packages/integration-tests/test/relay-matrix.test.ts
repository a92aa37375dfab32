import { describe, expect, it } from 'vitest';
import { acceptCases } from './relay-matrix/cases/accepts.js';
import { handshakeCases } from './relay-matrix/cases/handshakes.js';
import { leaseCases } from './relay-matrix/cases/leases.js';
import { linkCases } from './relay-matrix/cases/links.js';
import { nameCases } from './relay-matrix/cases/names.js';
import { recordCases } from './relay-matrix/cases/records.js';
import { refusalCases } from './relay-matrix/cases/refusals.js';
import { type End, type NamedCase, namedCases, type Side } from './relay-matrix/matrix-case.js';
import { MatrixStage, type StageMode } from './relay-matrix/matrix-stage.js';

const groups = [linkCases, leaseCases, nameCases, acceptCases, refusalCases, handshakeCases, recordCases];
const sides = ['dialer', 'owner'] as const;

/** Plays a case and looks for what must never happen; gives the ends that were seen. */
async function play(each: NamedCase, mode: StageMode): Promise<Record<Side, readonly End[]>> {
  const stage = await MatrixStage.create(mode);
  try {
    await each.run(stage);
    await stage.pass(100);
    stage.assertNevers();
    return { dialer: [...stage.seen.dialer], owner: [...stage.seen.owner] };
  } finally {
    await stage.close();
  }
}

const inWords = (ends: NamedCase['ends'], of: NamedCase['ends']): string =>
  sides
    .filter((side) => of[side] !== undefined)
    .map((side) => `${side}: ${[...(ends[side] ?? [])].sort().join(' | ')}`)
    .join('; ');

describe.each(groups.map((group) => [group.title, group] as const))('%s: a relay that', (_, group) => {
  it.each(namedCases(group).map((each) => [each.name, each.attack, each] as const))(
    '(%s) %s',
    async (_name, _attack, each) => {
      const seen = await play(each, 'virtual');
      expect(inWords(seen, each.ends), inWords(seen, each.ends)).toBe(inWords(each.ends, each.ends));
      if (each.onlyVirtual === true) return;
      const onSockets = await play(each, 'sockets');
      for (const side of sides) {
        for (const end of each.ends[side] === undefined ? [] : onSockets[side]) {
          expect(each.ends[side], `${side}, on real sockets`).toContain(end);
        }
      }
    },
  );
});
