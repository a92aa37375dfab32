/** Prints the distribution of pauses in milliseconds: `pnpm test` asserts them generously, the log has them exactly. */
export function reportPauses(what: string, pauses: readonly number[]): void {
  const sorted = [...pauses].sort((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  const all = sorted.length > 24 ? '' : ` (${sorted.map(Math.round).join(' ')})`;
  const line = `${what}: n ${sorted.length}, median ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`;
  process.stdout.write(`${line}${all}\n`);
}
