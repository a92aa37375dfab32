/** The value below which this share of the values lies, interpolated. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const position = (sorted.length - 1) * share;
  const low = Math.floor(position);
  const high = Math.ceil(position);
  return sorted[low] + (sorted[high] - sorted[low]) * (position - low);
}

/** Median and quartiles. */
export function summarize(values) {
  return { median: quantile(values, 0.5), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}

/** Median and quartiles of the ratios within each round: both lists are in the order of the rounds. */
export function summarizeRatios(values, baseline) {
  if (values.length !== baseline.length) throw new Error('ratios need as many values as there are rounds');
  return summarize(values.map((value, round) => value / baseline[round]));
}

/** How much one more of them costs, from the first to the last of `[count, value]`. */
export function slope(points) {
  const [firstCount, firstValue] = points[0];
  const [lastCount, lastValue] = points.at(-1);
  if (lastCount === firstCount) throw new Error('a slope needs two counts');
  return (lastValue - firstValue) / (lastCount - firstCount);
}

/** The names in the order of this round: each comes first, and each comes last, in its turn. */
export function rotate(names, round) {
  const start = round % names.length;
  return [...names.slice(start), ...names.slice(0, start)];
}
