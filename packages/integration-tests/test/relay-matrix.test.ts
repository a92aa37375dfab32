import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { acceptCases } from './relay-matrix/cases/accepts.js';
import { handshakeCases } from './relay-matrix/cases/handshakes.js';
import { leaseCases } from './relay-matrix/cases/leases.js';
import { linkCases } from './relay-matrix/cases/links.js';
import { nameCases } from './relay-matrix/cases/names.js';
import { recordCases } from './relay-matrix/cases/records.js';
import { refusalCases } from './relay-matrix/cases/refusals.js';
import { resumptionCases } from './relay-matrix/cases/resumption.js';
import { type End, type NamedCase, namedCases, type Side } from './relay-matrix/matrix-case.js';
import { MatrixStage, type StageMode } from './relay-matrix/matrix-stage.js';
import { renderMatrix, withMatrix } from './relay-matrix/render-matrix.js';

const groups = [
  linkCases,
  leaseCases,
  nameCases,
  acceptCases,
  refusalCases,
  handshakeCases,
  recordCases,
  resumptionCases,
];
const sides = ['dialer', 'owner'] as const;
const document = fileURLToPath(new URL('../../../docs/threat-model.md', import.meta.url));
const ran = new Set<string>();

type Ends = Record<Side, readonly End[]>;

/** Plays a case and looks for what must never happen; gives the ends that were seen. */
async function play(each: NamedCase, mode: StageMode, resumes: boolean): Promise<Ends> {
  const stage = await MatrixStage.create(mode, resumes);
  try {
    await each.run(stage);
    await stage.pass(100);
    stage.assertNevers();
    return { dialer: [...stage.seen.dialer], owner: [...stage.seen.owner] };
  } finally {
    await stage.close();
  }
}

function expectExactly(seen: Ends, each: NamedCase): void {
  const inWords = (ends: NamedCase['ends']): string =>
    sides
      .filter((side) => each.ends[side] !== undefined)
      .map((side) => `${side}: ${[...(ends[side] ?? [])].sort().join(' | ')}`)
      .join('; ');
  expect(inWords(seen), inWords(seen)).toBe(inWords(each.ends));
}

function expectAmong(seen: Ends, each: NamedCase): void {
  for (const side of sides) {
    const allowed = each.ends[side];
    if (allowed === undefined) continue;
    expect(seen[side].length, `ends of the ${side}`).toBeGreaterThan(0);
    for (const end of seen[side]) expect(allowed, side).toContain(end);
  }
}

describe.each(groups.map((group) => [group.title, group] as const))('%s: a relay that', (_, group) => {
  const cases = namedCases(group).map((each) => [each.name, each.attack, each] as const);
  // Each has a stage of its own, and mostly waits for acknowledgements.
  it.concurrent.each(cases)('(%s) %s', async (_name, _attack, each) => {
    const seen = await play(each, 'virtual', group.resumes === true);
    if (each.varies === true) expectAmong(seen, each);
    else expectExactly(seen, each);
    if (each.onlyVirtual !== true) expectAmong(await play(each, 'sockets', group.resumes === true), each);
    ran.add(each.name);
  });
});

it('docs/threat-model.md lists exactly the attacks that were played, and how they ended', ({ skip }) => {
  const all = groups.flatMap((group) => namedCases(group));
  if (ran.size === 0) skip('no attack was played in this run');
  expect([...ran].sort()).toEqual(all.map(({ name }) => name).sort());
  const written = readFileSync(document, 'utf8');
  const wanted = withMatrix(written, renderMatrix(groups, ran));
  if (process.env['SEALANE_WRITE_MATRIX'] === '1') writeFileSync(document, wanted);
  else
    expect(written === wanted, 'the matrix is as it should be; `node scripts/threat-matrix.mjs` writes it').toBe(true);
});
