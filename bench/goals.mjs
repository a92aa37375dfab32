// What was wanted, beside what was reached. Every figure is the one that speaks least for us.
const bulk1 = ['bulk up, 1 stream', 'bulk down, 1 stream'];
const bulk16 = ['bulk up, 16 streams', 'bulk down, 16 streams'];

/** `read` gives the figure, or undefined where a run did not measure it. */
const goals = [
  goal('bulk, 1 stream, worse direction, of the floor', 'least', 0.7, (results) => worstRatio(results, bulk1)),
  goal('bulk, 16 streams, worse direction, of the floor', 'least', 0.7, (results) => worstRatio(results, bulk16)),
  ...[
    ['ssh', 1.8],
    ['stunnel', 1],
    ['libp2p', 15],
  ].map(([peer, limit]) =>
    goal(`bulk against ${peer}, worst of the four`, 'least', limit, (results) =>
      worstRatio(results, [...bulk1, ...bulk16], peer),
    ),
  ),
  goal('CPU seconds per GiB, our three processes, of the floor', 'most', 1.5, (results) => results.cpu?.sealane?.ratio),
  goal('request-response p50, of the floor', 'most', 1.15, (results) => ratioOf(results, 'request-response 64 B, p50')),
  goal('request-response p99, of the floor', 'most', 1.5, (results) => ratioOf(results, 'request-response 64 B, p99')),
  goal('new connections in an existing session, 16 at once, of the floor', 'least', 1.2, (results) =>
    ratioOf(results, 'new connections, 16 at once'),
  ),
  goal('new connections in an existing session, one at a time, of the floor', 'least', 1, (results) =>
    ratioOf(results, 'new connections, one at a time'),
  ),
  goal("new sessions, full hybrid handshake each, 16 at once, of the floor's connections", 'least', 0.35, (results) =>
    ratioOf(results, 'new sessions, 16 at once'),
  ),
  memoryGoal('idle tunnelled connection', ['middle'], 1),
  memoryGoal('leased idle client', ['middle'], 12),
  memoryGoal('idle session', ['middle'], 6),
  memoryGoal('idle tunnelled connection', ['dialer side', 'owner side'], 16),
  goal(
    'relay memory with 10,000 leased clients',
    'most',
    250,
    ({ relayWithMany }) => (relayWithMany?.clients === 10_000 ? relayWithMany.bytes / 2 ** 20 : undefined),
    'MiB',
  ),
  goal('dialing with 10,000 leased clients, of dialing with 10', 'most', 1.2, ({ growth }) => {
    const entry = growth?.find(({ of, many }) => of === 'leased clients at the relay' && many === 10_000);
    return entry?.ratio;
  }),
  goal(
    'client for the browser, gzip, without libsodium',
    'most',
    40,
    ({ browserBytes }) => (browserBytes === undefined ? undefined : browserBytes / 1_000),
    'KB',
  ),
];

/** Each goal with its figure, whether it is reached, and how far the figure is from the limit (1.1: a tenth above it). */
export function judgeGoals(results) {
  return goals.map(({ what, bound, limit, unit, read }) => {
    const figure = read(results);
    const value = typeof figure === 'object' ? figure.median : figure;
    if (value === undefined || !Number.isFinite(value)) return { what, bound, limit, unit };
    const isReached = bound === 'least' ? value >= limit : value <= limit;
    const spread = typeof figure === 'object' ? { low: figure.low, high: figure.high } : {};
    return { what, bound, limit, unit, value, ...spread, isReached, toLimit: value / limit };
  });
}

function goal(what, bound, limit, read, unit = 'times') {
  return { what, bound, limit, unit, read };
}

function memoryGoal(what, processes, limit) {
  const where = processes.length === 1 ? 'relay' : 'dialer or owner';
  return goal(
    `${where} memory per ${what}`,
    'most',
    limit,
    ({ memory }) => {
      const found = memory?.filter((entry) => {
        // A slope from the first few ones only shows the heap growing.
        const isLater = entry.points[0][0] >= 1_000;
        return isLater && entry.what === what && entry.path === 'sealane' && processes.includes(entry.process);
      });
      return found === undefined || found.length === 0
        ? undefined
        : Math.max(...found.map((entry) => entry.slope)) / 1_024;
    },
    'KiB',
  );
}

function ratioOf({ rows }, name) {
  return rows?.find((row) => row.name === name)?.paths.sealane?.ratio;
}

/** The lowest ratio of sealane to the floor, or to a peer, among these measures; only where all of them were made. */
function worstRatio({ rows }, names, peer) {
  const ratios = names.map((name) => {
    const row = rows?.find((entry) => entry.name === name);
    return peer === undefined ? row?.paths.sealane?.ratio : row?.sealaneTo[peer];
  });
  if (ratios.includes(undefined)) return undefined;
  return ratios.reduce((worst, ratio) => (ratio.median < worst.median ? ratio : worst));
}
