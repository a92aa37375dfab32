// What a soak has found: sums, a JSON file and a chart.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawChart } from './chart.mjs';

const mebibyte = 2 ** 20;

/** By how many MiB more a process held in the last third of the time than in the second one: medians, after collections. */
export function heldGrowth(held, name, seconds) {
  const median = (from, to) => {
    const bytes = held.filter(({ at, who }) => who === name && at >= from && at < to).map((entry) => entry.bytes);
    return bytes.sort((a, b) => a - b)[bytes.length >> 1] ?? Number.NaN;
  };
  return (median((seconds * 2) / 3, Number.POSITIVE_INFINITY) - median(seconds / 3, (seconds * 2) / 3)) / mebibyte;
}

export function summarize({ seed, minutes, kinds, failures, faults, pauses, samples, held, invariants }) {
  const done = Object.values(kinds).reduce((sum, kind) => sum + kind.done, 0);
  const gaps = pauses.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share) => gaps[Math.ceil(share * gaps.length) - 1] ?? 0;
  const highest = {};
  for (const { looks } of samples) {
    for (const [name, look] of Object.entries(looks)) highest[name] = Math.max(highest[name] ?? 0, look?.memory ?? 0);
  }
  const heldMiB = (who) => held.filter((entry) => entry.who === who).map(({ bytes }) => (bytes / mebibyte).toFixed(1));
  const lines = [
    `soak of ${minutes} minutes, seed ${seed}: ${done} pieces of work, ${faults.length} faults, ${gaps.length} resumptions`,
    ...Object.entries(kinds).map(
      ([name, kind]) => `${name}: ${kind.done} done, ${kind.failed} failed, longest ${kind.longestMs} ms`,
    ),
    `sessions without a path: median ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`,
    `highest memory, MiB: ${Object.entries(highest)
      .map(([name, memory]) => `${name} ${Math.round(memory)}`)
      .join(', ')}`,
    ...Object.keys(highest).map((name) => `held after collections, MiB, ${name}: ${heldMiB(name).join(' ')}`),
  ];
  return { lines, passed: done + invariants.filter(({ isTrue }) => isTrue).length, failed: failures.length };
}

export function writeResults(folder, results) {
  writeFileSync(join(folder, 'soak.json'), `${JSON.stringify(results)}\n`);
  writeFileSync(join(folder, 'soak.svg'), chartOf(results));
}

function chartOf({ seed, minutes, faults, pauses, samples, held }) {
  const names = Object.keys(samples[0]?.looks ?? {});
  const ofLooks = (key) =>
    names.map((name) => ({
      name,
      points: samples.flatMap(({ at, looks }) => (looks[name] ? [[at, looks[name][key]]] : [])),
    }));
  const sides = ['expose', 'connect'];
  return drawChart({
    title: `Soak of ${minutes} minutes, seed ${seed}: ${faults.length} faults`,
    seconds: Math.max(1, samples.at(-1)?.at ?? 1),
    faults: faults.map(({ at, name, whom }) => [at, `${name}: ${whom}`]),
    panels: [
      { title: 'resident memory', unit: 'MiB', series: ofLooks('memory') },
      {
        title: 'held after a collection, without compiled code',
        unit: 'MiB',
        series: names.map((name) => ({
          name,
          points: held.filter(({ who }) => who === name).map(({ at, bytes }) => [at, bytes / mebibyte]),
        })),
      },
      { title: 'open files', unit: 'count', series: ofLooks('files') },
      {
        title: 'sessions at each relay',
        unit: 'count',
        series: Object.keys(samples[0]?.sessions ?? {}).map((name) => ({
          name,
          points: samples.map(({ at, sessions }) => [at, sessions[name]]),
        })),
      },
      {
        title: 'time of a session without a path',
        unit: 'ms',
        series: sides.map((side) => ({
          name: side,
          dots: true,
          points: pauses.filter(({ who }) => who.startsWith(side)).map(({ at, ms }) => [at, ms]),
        })),
      },
    ],
  });
}
