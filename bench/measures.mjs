/** What is measured in alternating slices. Measures of one kind and width share their slices. */
export const measures = [
  { name: 'bulk up, 1 stream', kind: 'up', width: 1, unit: 'MB/s' },
  { name: 'bulk down, 1 stream', kind: 'down', width: 1, unit: 'MB/s' },
  { name: 'bulk up, 16 streams', kind: 'up', width: 16, unit: 'MB/s' },
  { name: 'bulk down, 16 streams', kind: 'down', width: 16, unit: 'MB/s' },
  { name: 'request-response 64 B, p50', kind: 'requests', width: 1, unit: 'us', share: 0.5 },
  { name: 'request-response 64 B, p99', kind: 'requests', width: 1, unit: 'us', share: 0.99 },
  { name: 'request-response 64 B, p99.9', kind: 'requests', width: 1, unit: 'us', share: 0.999 },
  { name: 'new connections, one at a time', kind: 'connections', width: 1, unit: '/s' },
  { name: 'new connections, 16 at once', kind: 'connections', width: 16, unit: '/s' },
  // The baseline of a session is a connection of the floor.
  { name: 'new sessions, 16 at once', kind: 'connections', width: 16, unit: '/s', via: 'sessions' },
];

/** One slice's figure in the unit of the measure. */
export function figureOf({ unit, share }, slice) {
  if (unit === 'MB/s') return slice.bytes / slice.seconds / 1e6;
  if (unit === '/s') return slice.count / slice.seconds;
  const values = [...slice.latencies].sort((a, b) => a - b);
  return (values[Math.min(values.length - 1, Math.ceil(values.length * share) - 1)] ?? Number.NaN) * 1_000;
}

/** What a measure wants to be. */
export function isHigherBetter({ unit }) {
  return unit !== 'us';
}
