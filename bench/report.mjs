import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const start = '<!-- measured: written by pnpm bench -->';
const end = '<!-- end of measured -->';

/** One row per measure: what both paths reached, and the ratio within pairs. */
export function toMarkdown(results) {
  const { node, cores, pairs, sliceMs, date, baseline } = results.run;
  const lines = [
    `Node ${node}, ${cores} cores, ${pairs} pairs of ${sliceMs} ms, ${date}.`,
    '',
    `| measure | ${baseline} | sealane | ratio (quartiles) |`,
    '| --- | --- | --- | --- |',
  ];
  for (const row of results.rows) {
    const ratio = `${number(row.ratio.median)} (${number(row.ratio.low)} to ${number(row.ratio.high)})`;
    lines.push(`| ${row.name} | ${value(row.floor, row.unit)} | ${value(row.sealane, row.unit)} | ${ratio} |`);
  }
  if (results.cpu !== undefined) {
    lines.push(
      '',
      '| CPU s/GiB, bulk up, 1 stream | dialer side | middle | owner side | all three |',
      '| --- | --- | --- | --- | --- |',
    );
    for (const path of ['floor', 'sealane']) {
      const parts = results.cpu[path];
      lines.push(
        `| ${path === 'floor' ? baseline : path} | ${parts.map(number).join(' | ')} | ${number(parts.reduce((a, b) => a + b, 0))} |`,
      );
    }
  }
  return lines.join('\n');
}

/** Keeps the text around the markers and replaces what stands between them. */
export function writeReport(root, results) {
  const folder = join(root, 'bench/results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  const file = join(root, 'docs/benchmarks.md');
  const text = readFileSync(file, 'utf8');
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no markers`);
  writeFileSync(file, `${text.slice(0, from)}${start}\n${toMarkdown(results)}\n${text.slice(to)}`);
}

function value({ median }, unit) {
  return `${number(median)} ${unit}`;
}

function number(figure) {
  if (!Number.isFinite(figure)) return 'n/a';
  return figure >= 100 ? figure.toFixed(0) : figure.toFixed(2);
}
