// What has to hold of each kind of load, and how it is told and drawn.
import { drawChart } from '../soak/chart.mjs';

/** What apps/relay/README.md promises for the default limits. */
const memoryBoundMiB = 512;
const leasedClients = 10_000;
const leasedClientsMiB = 250;
/** What a heap has not given back swings by this much. */
const memorySwing = { share: 1.1, MiB: 16 };
/** Resources of the event loop that come and go with each client. */
const handleSwing = { share: 1.1, count: 30 };
const mebibytes = (bytes) => bytes / 2 ** 20;
const round = (value, digits = 1) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : null);

/** Each check: `{ name, isTrue, facts }`. Goals in time are checks only where the machine is left alone (`isTimed`). */
export function checkFloods({ entries, peakBytes, stillRuns }, { isTimed }) {
  const checks = [
    { name: 'the relay goes on', isTrue: stillRuns },
    { name: 'memory within its bound', isTrue: mebibytes(peakBytes) < memoryBoundMiB, facts: mebibytes(peakBytes) },
  ];
  const paced = entries.filter(({ mode }) => mode === 'paced');
  if (paced.length > 0) {
    const connects = paced.reduce(
      (sum, { traffic }) => sum + traffic.connects.flooded.count + traffic.connects.calm.count,
      0,
    );
    checks.push({ name: 'new connections of honest clients get through', isTrue: connects > 0, facts: connects });
  }
  for (const entry of entries) {
    for (const { name, part, honestNames } of partsOf(entry)) {
      const seen = honestNames.map((honest) => part.traffic[honest].flooded);
      const facts = { attempts: part.attempts, outcomes: part.outcomes, seen: seen.map(({ p99s, ...rest }) => rest) };
      checks.push({
        name: `${name}: honest traffic goes on with the right bytes`,
        isTrue:
          part.attempts > 0 && seen[0].count > 0 && seen.every(({ wrong, failures }) => wrong + failures.length === 0),
        facts,
      });
    }
    if (isTimed) for (const goal of goalsOf(entry)) checks.push(goal);
  }
  return checks;
}

function partsOf({ what, mode, of, ...entry }) {
  if (mode === 'paced') return [{ name: `${what}, paced`, part: entry, honestNames: ['requests', 'connects'] }];
  return [{ name: `${what}, unbounded`, part: of.relay, honestNames: ['requests'] }];
}

function goalsOf({ what, mode, goal, traffic, ratios }) {
  if (mode === 'paced') {
    return Object.entries(traffic).map(([name, { ratio }]) => {
      return {
        name: `${what}: p99 of ${name} within ${goal} times its calm value`,
        isTrue: ratio <= goal,
        facts: ratio,
      };
    });
  }
  return Object.entries(ratios).map(([refuser, ratio]) => {
    return {
      name: `${what}, unbounded: p99 within ${goal} times that of a forwarder beside a refuser, ${refuser}`,
      isTrue: ratio <= goal,
      facts: ratio,
    };
  });
}

/** Without the single latencies. */
export function floodRows({ entries }) {
  return entries.map(({ what, mode, goal, ratios, pooledRatios, of, ...entry }) => {
    const part = mode === 'paced' ? entry : of.relay;
    const row = {
      what,
      mode,
      attemptsPerSecond: Math.round(part.attemptsPerSecond),
      relayCpuShare: round(part.relayCpuShare.flooded, 2),
      relayMicrosecondsPerAttempt: Math.round(part.relayMicrosecondsPerAttempt),
      outcomes: part.outcomes,
      ...(part.profile === undefined ? {} : { profile: part.profile }),
    };
    for (const [name, { calm, flooded, ratio }] of Object.entries(part.traffic)) {
      row[name] = {
        calmP99: round(calm.p99, 2),
        p50: round(flooded.p50, 2),
        p99: round(flooded.p99, 2),
        ratio: round(ratio, 2),
      };
    }
    if (ratios === undefined) return row;
    return {
      ...row,
      ratios: rounded(ratios),
      pooledRatios: rounded(pooledRatios),
      floor: Object.fromEntries(
        Object.keys(ratios).map((name) => {
          const { traffic, attemptsPerSecond } = of[name];
          return [name, { p99: round(traffic.floor.flooded.p99, 2), attemptsPerSecond: Math.round(attemptsPerSecond) }];
        }),
      ),
    };
  });
}

function rounded(ratios) {
  return Object.fromEntries(Object.entries(ratios).map(([name, value]) => [name, round(value, 2)]));
}

/** As docs/load.md has them; ratios above their goal are bold. */
export function floodTables({ entries }) {
  const rows = floodRows({ entries }).map((row, index) => ({ ...row, goal: entries[index].goal }));
  const heads = {
    paced: [
      'flood',
      'relay: share of a core',
      'requests: p99 calm, flooded (ms), ratio',
      'new clients: p99 calm, flooded (ms), ratio',
    ],
    unbounded: [
      'flood',
      'relay: share of a core',
      'attempts a second: relay, destroy, 503',
      'p99 of requests (ms): relay, destroy, 503',
      'ratio to destroy, to 503',
      'the same of all slices together',
    ],
  };
  const cells = { paced: pacedCells, unbounded: unboundedCells };
  return Object.keys(heads).flatMap((mode) => {
    const own = rows.filter((row) => row.mode === mode && (mode === 'paced' || row.ratios !== undefined));
    if (own.length === 0) return [];
    const lines = [heads[mode], heads[mode].map(() => '---'), ...own.map((row) => cells[mode](row))];
    return [lines.map((line) => `| ${line.join(' | ')} |`).join('\n')];
  });
}

function pacedCells({ what, goal, relayCpuShare, requests, connects }) {
  const traffic = [requests, connects].map(({ calmP99, p99, ratio }) => `${calmP99}, ${p99}: ${marked(ratio, goal)}`);
  return [what, relayCpuShare, ...traffic];
}

function unboundedCells({ what, goal, relayCpuShare, attemptsPerSecond, requests, floor, ratios, pooledRatios }) {
  const { destroy, answer503 } = floor;
  const told = (each) => `${marked(each.destroy, goal)}, ${marked(each.answer503, goal)}`;
  return [
    what,
    relayCpuShare,
    [attemptsPerSecond, destroy.attemptsPerSecond, answer503.attemptsPerSecond].join(', '),
    [requests.p99, destroy.p99, answer503.p99].join(', '),
    told(ratios),
    told(pooledRatios),
  ];
}

function marked(ratio, goal) {
  return ratio !== null && ratio <= goal ? `${ratio}` : `**${ratio}**`;
}

export function checkSockets({ points, idle, filesBefore, filesAfter, peakBytes }) {
  const most = points.at(-1).count;
  const leased = points.find(({ count }) => count === leasedClients);
  const honest = [idle.requests, idle.connects];
  return [
    {
      name: `${most} sockets stay open, each with its lease`,
      isTrue: idle.held === most && idle.lost === 0,
      facts: idle,
    },
    { name: 'the relay has them all open', isTrue: idle.files >= filesBefore + most, facts: idle.files },
    {
      name: 'others are served with the right bytes',
      isTrue: honest.every(({ count, wrong, failures }) => count > 0 && wrong + failures.length === 0),
      facts: honest,
    },
    { name: 'memory within its bound', isTrue: mebibytes(peakBytes) < memoryBoundMiB, facts: mebibytes(peakBytes) },
    ...(leased === undefined
      ? []
      : [
          {
            name: `${leasedClients} clients with a lease within ${leasedClientsMiB} MiB`,
            // What the heap has not collected counts as well: told, whichever it is.
            isGoal: true,
            isTrue: mebibytes(leased.bytes) <= leasedClientsMiB,
            facts: mebibytes(leased.bytes),
          },
        ]),
    { name: 'nothing stays open', isTrue: filesAfter <= filesBefore, facts: { filesBefore, filesAfter } },
  ];
}

/** `isLong`: the first minutes only show a heap that grows to its size. */
export function checkSteady({ growth, before, after, totals, peakBytes }, { isLong }) {
  const honest = [totals.requests, totals.connects, totals.exchanges];
  const { memory, handles, files } = growth;
  const noMore = ({ first, last }, share, more) => last <= Math.max(first * share, first + more);
  return [
    {
      name: 'honest traffic goes on with the right bytes',
      isTrue: honest.every(
        ({ count, wrong, failures }) => count > 0 && wrong === 0 && Object.keys(failures).length === 0,
      ),
      facts: honest,
    },
    { name: 'there was a flood', isTrue: totals.attempts > 0, facts: totals.attempts },
    ...(isLong
      ? [{ name: 'memory does not grow', isTrue: noMore(memory, memorySwing.share, memorySwing.MiB), facts: memory }]
      : []),
    { name: 'handles do not grow', isTrue: noMore(handles, handleSwing.share, handleSwing.count), facts: handles },
    { name: 'files do not grow', isTrue: noMore(files, 1, 2), facts: files },
    {
      name: 'nothing stays open',
      isTrue: after.sockets <= before.sockets && after.files <= before.files + 2,
      facts: { before, after },
    },
    { name: 'memory within its bound', isTrue: mebibytes(peakBytes) < memoryBoundMiB, facts: mebibytes(peakBytes) },
  ];
}

export function drawSteady({ minutes, samples, floods }) {
  const series = (name, key) => ({ name, points: samples.map((sample) => [sample.at, sample[key]]) });
  const others = Object.keys(samples[0]?.others ?? {});
  const cpu = samples.slice(1).map((sample, index) => {
    const before = samples[index];
    return [sample.at, (100 * (sample.cpu - before.cpu)) / (sample.at - before.at)];
  });
  return drawChart({
    title: `A relay at load for ${minutes} minutes`,
    seconds: Math.max(1, samples.at(-1)?.at ?? 1),
    marksName: 'floods',
    faults: floods,
    panels: [
      {
        title: 'memory',
        unit: 'MiB',
        series: [
          series('relay, resident', 'memory'),
          series('relay, heap in use', 'heap'),
          ...others.map((name) => ({
            name: `${name}, resident`,
            points: samples.map(({ at, others: each }) => [at, each[name]]),
          })),
        ],
      },
      {
        title: 'open in the relay',
        unit: 'count',
        series: [series('handles and timers', 'handles'), series('sockets', 'sockets')],
      },
      { title: 'other files of the relay', unit: 'count', series: [series('files', 'files')] },
      { title: 'CPU of the relay', unit: '% of a core', series: [{ name: 'relay', points: cpu }] },
    ],
  });
}
