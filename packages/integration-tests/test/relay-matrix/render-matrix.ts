import type { MatrixCase, MatrixGroup, NamedCase, Side } from './matrix-case.js';
import { namedCases } from './matrix-case.js';

const begin = '<!-- matrix: written by `node scripts/threat-matrix.mjs` from the tests that ran -->';
const end = '<!-- end of the matrix -->';

const sides: readonly Side[] = ['dialer', 'owner'];

/** The tables of the cases that ran, and how many. */
export function renderMatrix(groups: readonly MatrixGroup[], ran: ReadonlySet<string>): string {
  const cases = groups.flatMap((group) => namedCases(group)).filter(({ name }) => ran.has(name));
  const sockets = cases.filter(({ onlyVirtual }) => onlyVirtual !== true).length;
  const count = `${cases.length} cases; ${sockets} of them are played on real sockets too, all in virtual time.`;
  return [begin, '', count, '', ...groups.map((group) => table(group, ran)), end].join('\n');
}

/** The document with the matrix between its marks. */
export function withMatrix(document: string, matrix: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error('the marks of the matrix are not in the document');
  return document.slice(0, from) + matrix + document.slice(to + end.length);
}

function table(group: MatrixGroup, ran: ReadonlySet<string>): string {
  const rows = namedCases(group)
    .filter(({ name }) => ran.has(name))
    .map((each) => `| ${cell(each.attack)} | ${against(each)} | ${endsIn(each)} | ${test(each)} |`);
  const head = ['| a relay that … | against | ends in | test |', '| --- | --- | --- | --- |'];
  return [`### ${group.title}`, '', ...head, ...rows, ''].join('\n');
}

function against(each: MatrixCase): string {
  return sides.filter((side) => each.ends[side] !== undefined).join(', ');
}

function endsIn(each: MatrixCase): string {
  return sides
    .filter((side) => each.ends[side] !== undefined)
    .map((side) => `${side}: ${each.said?.[side] ?? (each.ends[side] ?? []).map(code).join(' or ')}`)
    .join('; ');
}

function code(end: string): string {
  return end.startsWith('ERR_') ? `\`${end}\`` : end;
}

function test(each: NamedCase): string {
  return each.onlyVirtual === true ? each.name : `${each.name} *`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
