/** A bucket is split above it, so that adding and removing move few keys however many there are. */
const MAX_BUCKET = 512;

/** Distinct keys in order. Adding, removing and finding a place cost the same with ten keys and with 100,000. */
export class SortedKeys {
  readonly #buckets: string[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(key: string): void {
    if (this.#buckets.length === 0) this.#buckets.push([]);
    const at = this.#bucketFor(key);
    const bucket = this.#buckets[at]!;
    const index = firstNotBelow(bucket, key);
    if (bucket[index] === key) return;
    bucket.splice(index, 0, key);
    this.#size += 1;
    if (bucket.length > MAX_BUCKET) this.#buckets.splice(at + 1, 0, bucket.splice(MAX_BUCKET / 2));
  }

  delete(key: string): void {
    const at = this.#bucketFor(key);
    const bucket = this.#buckets[at];
    if (bucket === undefined) return;
    const index = firstNotBelow(bucket, key);
    if (bucket[index] !== key) return;
    bucket.splice(index, 1);
    this.#size -= 1;
    if (bucket.length === 0) this.#buckets.splice(at, 1);
    else this.#joinSmall(at);
  }

  /** Keys above `key` in order, from the first one without it. Not to be changed while it is read. */
  *after(key: string | undefined): Generator<string, void> {
    let at = key === undefined ? 0 : this.#bucketFor(key);
    let index = key === undefined ? 0 : firstNotBelow(this.#buckets[at] ?? [], key);
    for (; at < this.#buckets.length; at += 1, index = 0) {
      const bucket = this.#buckets[at]!;
      for (; index < bucket.length; index += 1) if (bucket[index] !== key) yield bucket[index]!;
    }
  }

  /** The bucket in which the key is or would be: the last one that does not start above it. */
  #bucketFor(key: string): number {
    let low = 0;
    let high = this.#buckets.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#buckets[middle]![0]! <= key) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Removing keys must not leave a bucket for each of the few that stay. */
  #joinSmall(at: number): void {
    const bucket = this.#buckets[at]!;
    const next = this.#buckets[at + 1];
    if (next === undefined || bucket.length + next.length > MAX_BUCKET / 2) return;
    bucket.push(...next);
    this.#buckets.splice(at + 1, 1);
  }
}

function firstNotBelow(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
