/** Changes that still count as a slip of the hand, for a word of this length. */
const allowedFor = (length: number): number => Math.max(1, Math.floor(length / 4));
const MAX_LENGTH = 200;

/** The candidate that differs from `text` by the fewest changed letters, if by few enough to be meant; case never counts. */
export function closest(text: string, candidates: readonly string[]): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = allowedFor(text.length) + 1;
  for (const candidate of candidates) {
    const changes = distance(text.toLowerCase(), candidate.toLowerCase());
    if (changes >= bestDistance) continue;
    best = candidate;
    bestDistance = changes;
  }
  return best;
}

/** Levenshtein's: inserted, removed and replaced letters. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
