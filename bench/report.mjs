// What a run found, as text of docs/benchmarks.md, as JSON, and as charts.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawLines, drawRatios } from './chart.mjs';

const start = '<!-- measured: written by pnpm bench -->';
const end = '<!-- end of measured -->';

/** Every table of a run; what was not measured has none. */
export function toMarkdown(results) {
  const { run, peers, rows, cpu, memory, relayWithMany, growth, connectionMemory, startUp, goals } = results;
  const { node, cores, rounds, sliceMs, date, seconds, failures } = run;
  return [
    `Node ${node}, ${cores} cores, ${rounds} rounds of slices of ${sliceMs} ms, ${date}; the run took ${Math.round(seconds / 60)} min.`,
    ...failures.map(({ part, error }) => `\n**Failed**: ${part}: ${error}`),
    ...section('Who took part', peers, peersTable),
    ...section('Figures', rows, (own) => figuresTable(own, run.baseline)),
    ...section(`Ratios to ${run.baseline}`, rows, (own) => ratiosTable(own, run.baseline)),
    ...section('CPU', cpu, cpuTable),
    ...section('Memory', memory, (own) => memoryTable(own, relayWithMany, connectionMemory)),
    ...section('Growth', growth, growthTable),
    ...section('Start-up', startUp, startUpTable),
    ...section('Goals', goals, goalsTable),
  ].join('\n');
}

/** The charts of a run by file name. */
export function drawCharts({ run, rows, memory }) {
  const charts = {};
  if (rows !== undefined && rows.length > 0) {
    const paths = [...new Set(rows.flatMap((row) => Object.keys(row.paths)))].filter((path) => path !== run.baseline);
    charts['ratios.svg'] = drawRatios({
      title: `Ratios to ${run.baseline}, medians and quartiles of ${run.rounds} rounds`,
      axis: `ratio to ${run.baseline} (MB/s and connections: more is better; request-response: less is better)`,
      paths,
      rows: rows.map(({ name, paths: own }) => ({
        name,
        marks: paths.flatMap((path) => (own[path] === undefined ? [] : [{ path, ...own[path].ratio }])),
      })),
    });
  }
  if (memory !== undefined && memory.length > 0) {
    charts['memory.svg'] = drawLines({
      title: 'Resident memory while more is held',
      xAxis: 'connections, sessions or clients held',
      yAxis: 'resident memory of one process, MiB',
      series: memory
        .filter(({ path, process }) => path !== 'floor' || process === 'middle')
        .filter(({ what, process }) => what !== 'idle session' || process === 'middle')
        .map(({ what, path, process, points }) => ({
          name: `${path}, ${process}: ${what}`,
          points: points.map(([count, bytes]) => [count, bytes / 2 ** 20]),
        })),
    });
  }
  return charts;
}

/** Writes `latest.json` and the charts into a directory. */
export function writeResults(directory, results) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'latest.json'), `${JSON.stringify(results, undefined, 1)}\n`);
  for (const [name, chart] of Object.entries(drawCharts(results))) writeFileSync(join(directory, name), chart);
}

/** Keeps the text around the markers of a page and replaces what stands between them. */
export function writePage(file, results) {
  const text = readFileSync(file, 'utf8');
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no markers`);
  const charts = Object.keys(drawCharts(results)).map((name) => `![${titles[name]}](benchmarks/${name})`);
  const rounds = 'With every single round: [latest.json](benchmarks/latest.json).';
  const measured = [...charts, toMarkdown(results), rounds].join('\n\n');
  writeFileSync(file, `${text.slice(0, from)}${start}\n${measured}\n${text.slice(to)}`);
}

const titles = { 'ratios.svg': 'Ratios to the floor', 'memory.svg': 'Memory while more is held' };

function section(title, content, toLines) {
  return content === undefined || content.length === 0 ? [] : ['', `### ${title}`, '', ...toLines(content)];
}

function table(heads, lines) {
  return [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
}

function peersTable(peers) {
  return table(
    ['', 'what it is', 'version'],
    peers.map(({ name, description, version, missing }) => [name, description, version ?? `**missing**: ${missing}`]),
  );
}

function pathsOf(rows, baseline) {
  const paths = [...new Set(rows.flatMap((row) => Object.keys(row.paths)))];
  return [baseline, ...paths.filter((path) => path !== baseline)];
}

function figuresTable(rows, baseline) {
  const paths = pathsOf(rows, baseline);
  return table(
    ['median', ...paths],
    rows.map((row) => {
      const cells = paths.map((path) => {
        const own = row.paths[path];
        if (own === undefined) return '';
        const failed = own.failures > 0 ? ` (${own.failures} failed)` : '';
        return `${number(own.median)}${failed}`;
      });
      return [`${row.name}, ${row.unit}`, ...cells];
    }),
  );
}

function ratiosTable(rows, baseline) {
  const paths = pathsOf(rows, baseline).filter((path) => path !== baseline);
  return table(
    ['median (quartiles)', ...paths],
    rows.map((row) => [row.name, ...paths.map((path) => spread(row.paths[path]?.ratio))]),
  );
}

function cpuTable(cpu) {
  const entries = Object.entries(cpu);
  const names = [...new Set(entries.flatMap(([, { processes }]) => processes.map(({ name }) => name)))];
  return table(
    ['CPU s/GiB, bulk with 1 stream', ...names, 'sum', 'with load and backend', 'sum as a ratio (quartiles)'],
    entries.map(([path, { processes, sum, withLoadAndBackend, ratio }]) => [
      path,
      ...names.map((name) => number(processes.find((process) => process.name === name)?.secondsPerGibibyte)),
      ...[sum, withLoadAndBackend].map(number),
      spread(ratio),
    ]),
  );
}

function memoryTable(memory, relayWithMany, connectionMemory = []) {
  const lines = table(
    ['KiB for each further one', 'path', 'dialer side', 'middle', 'owner side', 'from, to'],
    [...new Set(memory.map(({ what, path }) => `${what}/${path}`))].map((key) => {
      const own = memory.filter(({ what, path }) => `${what}/${path}` === key);
      const cells = ['dialer side', 'middle', 'owner side'].map((name) => {
        const entry = own.find(({ process }) => process === name);
        return entry === undefined ? '' : slopeText(entry);
      });
      const counts = own[0].points.map(([count]) => count).slice(0, own[0].slopePoints);
      return [own[0].what, own[0].path, ...cells, `${grouped(counts[0])}, ${grouped(counts.at(-1))}`];
    }),
  );
  const many = connectionMemory.map(({ process, bytes }) => `${process} ${mebibytes(bytes)}`).join(', ');
  return [
    ...lines,
    ...(relayWithMany === undefined
      ? []
      : ['', `A relay with ${grouped(relayWithMany.clients)} leased clients: ${mebibytes(relayWithMany.bytes)}.`]),
    ...(many === '' ? [] : ['', `With ${grouped(connectionMemory[0].many)} tunnelled connections held: ${many}.`]),
  ];
}

/** The median of several times, with the least and the most of them. */
function slopeText({ slope, slopes }) {
  const kibibytes = (bytes) => number(bytes / 1_024);
  if (slopes.length < 2) return kibibytes(slope);
  return `${kibibytes(slope)} (${kibibytes(Math.min(...slopes))} to ${kibibytes(Math.max(...slopes))})`;
}

function growthTable(growth) {
  return table(
    ['median time', 'beside', 'few', 'many', 'ratio (quartiles)'],
    growth.map(({ name, of, few, many, fewUs, manyUs, ratio, failures }) => [
      `${name}${failures > 0 ? ` (${failures} failed)` : ''}`,
      of,
      `${grouped(few)}: ${number(fewUs.median)} us`,
      `${grouped(many)}: ${number(manyUs.median)} us`,
      spread(ratio),
    ]),
  );
}

function startUpTable(startUp) {
  return table(
    ['', 'median, ms', 'quartiles, ms'],
    startUp.map(({ name, ms }) => [name, ms.median.toFixed(0), `${ms.low.toFixed(0)} to ${ms.high.toFixed(0)}`]),
  );
}

function goalsTable(goals) {
  return table(
    ['goal', 'wanted', 'measured', ''],
    goals.map(({ what, bound, limit, unit, value, isReached, toLimit }) => {
      const named = unit === 'times' ? '' : ` ${unit}`;
      const wanted = `at ${bound} ${limit}${named}`;
      if (value === undefined) return [what, wanted, 'not measured', ''];
      const percent = Math.abs(toLimit - 1) * 100;
      const distance = `${percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} % ${toLimit >= 1 ? 'above' : 'below'} it`;
      return [what, wanted, `${number(value)}${named}`, isReached ? 'reached' : `**not reached**, ${distance}`];
    }),
  );
}

/** Median, low and high quartile. */
export function spread(summary) {
  if (summary === undefined) return '';
  return `${number(summary.median)} (${number(summary.low)} to ${number(summary.high)})`;
}

export function number(figure) {
  if (figure === undefined || !Number.isFinite(figure)) return 'n/a';
  return Math.abs(figure) >= 100 ? figure.toFixed(0) : figure.toFixed(2);
}

function grouped(count) {
  return count.toLocaleString('en-US');
}

function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
