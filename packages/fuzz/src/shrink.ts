/**
 * A shorter and plainer input for which `holds` is still true, found with at most `budget` questions: pieces are cut
 * from large to small, then bytes become zero.
 */
export async function shrink(
  input: Uint8Array,
  holds: (candidate: Uint8Array) => Promise<boolean>,
  budget: number,
): Promise<Uint8Array> {
  let best = input;
  let left = budget;
  const attempt = async (candidate: Uint8Array): Promise<boolean> => {
    left -= 1;
    if (!(await holds(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.max(1, best.length >> 1); size >= 1; size >>= 1) {
    for (let at = 0; at < best.length && left > 0; ) {
      const candidate = new Uint8Array(Buffer.concat([best.subarray(0, at), best.subarray(at + size)]));
      if (!(await attempt(candidate))) at += size;
    }
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    if (best[at] === 0) continue;
    const candidate = best.slice();
    candidate[at] = 0;
    await attempt(candidate);
  }
  return best;
}
