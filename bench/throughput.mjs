// Everything that is measured in slices: rows of figures with ratios to the floor, and CPU time by process.
import { figureOf, isHigherBetter } from './measures.mjs';
import { summarize, summarizeRatios } from './statistics.mjs';

const gibibyte = 2 ** 30;
/** The bulk measures whose CPU time is told; both together are the figure of the goals. */
const cpuKeys = ['up 1', 'down 1'];

/** `paths` by name; `baseline` names the one that ratios refer to. `onRow` is told each row as soon as it is there. */
export async function measureThroughput({ slices, paths, baseline, measures, rounds, onRow }) {
  const rows = [];
  const measured = new Map();
  for (const measure of measures) {
    const key = [measure.kind, measure.width, ...(measure.via === undefined ? [] : [measure.via])].join(' ');
    if (!measured.has(key)) {
      const taking = pathsOf(measure, paths, baseline);
      if (Object.keys(taking).length < 2 && measure.via !== undefined) continue;
      measured.set(key, await slices.rounds(taking, { ...measure, rounds }));
    }
    const row = toRow(measure, measured.get(key), baseline);
    rows.push(row);
    onRow(row);
  }
  const bulk = cpuKeys.filter((key) => measured.has(key)).map((key) => measured.get(key));
  return { rows, cpu: bulk.length === 0 ? undefined : toCpu(bulk, paths, baseline) };
}

/** A measure of sessions meets the baseline's plain path, and the session dialers of those that have one. */
function pathsOf({ via }, paths, baseline) {
  if (via === undefined) return paths;
  const others = Object.entries(paths).filter(([name, path]) => name !== baseline && path[via] !== undefined);
  return { [baseline]: paths[baseline], ...Object.fromEntries(others.map(([name, path]) => [name, path[via]])) };
}

function toRow(measure, slices, baseline) {
  const values = Object.fromEntries(
    Object.entries(slices).map(([name, own]) => [name, own.map((slice) => figureOf(measure, slice))]),
  );
  const paths = Object.fromEntries(
    Object.entries(values).map(([name, own]) => {
      const failures = slices[name].reduce((sum, slice) => sum + slice.failures, 0);
      const ratio = summarizeRatios(own, values[baseline]);
      return [name, { ...summarize(own), ratio, failures, rounds: own.map((value) => Number(value.toPrecision(5))) }];
    }),
  );
  const against =
    values.sealane === undefined
      ? {}
      : Object.fromEntries(Object.entries(values).map(([name, own]) => [name, summarizeRatios(values.sealane, own)]));
  return { name: measure.name, unit: measure.unit, isHigherBetter: isHigherBetter(measure), paths, sealaneTo: against };
}

/** CPU seconds per GiB, by process; single slices are too short for the clock of /proc, so all of them are summed. */
function toCpu(bulk, paths, baseline) {
  const sumOf = (slices, part) => slices.reduce((sum, slice) => sum + part(slice), 0);
  const perGibibyte = (name, part) => {
    const own = bulk.flatMap((slices) => slices[name] ?? []);
    return sumOf(own, part) / (sumOf(own, ({ bytes }) => bytes) / gibibyte);
  };
  const table = {};
  for (const [name, { processes }] of Object.entries(paths)) {
    const count = processes.length;
    const own = ({ cpu }) => cpu.slice(0, count).reduce((sum, seconds) => sum + seconds, 0);
    const byRound = bulk[0][name].map((_, round) => {
      const slicesOfRound = bulk.map((slices) => slices[name][round]);
      return sumOf(slicesOfRound, own) / (sumOf(slicesOfRound, ({ bytes }) => bytes) / gibibyte);
    });
    table[name] = {
      processes: processes.map((process, index) => ({
        name: process.name,
        secondsPerGibibyte: perGibibyte(name, ({ cpu }) => cpu[index]),
      })),
      sum: perGibibyte(name, own),
      withLoadAndBackend: perGibibyte(name, ({ cpu }) => cpu.reduce((sum, seconds) => sum + seconds, 0)),
      rounds: byRound,
    };
  }
  for (const entry of Object.values(table)) entry.ratio = summarizeRatios(entry.rounds, table[baseline].rounds);
  return table;
}
