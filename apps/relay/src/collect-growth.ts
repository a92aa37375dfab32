import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8';

/** What objects may grow by between two collections of the whole heap: a fifth, and not less than this. */
const MIN_GROWTH_BYTES = 4 * 1_048_576;
/** Begins a collection as soon as so many percent of what V8 allows have been used; 0 is V8's own plan. */
const SOON_PERCENT = 3;
const INTERVAL_MS = 1_000;
/** While a collection is to begin: what V8 was told must not begin the next one as well. */
const SOON_MS = 50;
const MAX_SOON_LOOKS = 20;

/**
 * For a process whose collections `spaceOutCollections` spaces out, which is meant for buffers: where objects have grown by a
 * fifth, and by more than buffers, the whole heap is collected at once, so that what clients leave behind does not stay among
 * what is held for them (decision 0124). It is looked at every second; the timer keeps no process alive.
 */
export function collectGrowth(): void {
  let [lastBytes, leastBytes, leastBuffers, soonLooks] = [0, 0, 0, 0];
  const look = (): void => {
    // Not process.memoryUsage(): it opens a file, and throws in a process that has no handle left.
    const buffers = getHeapStatistics().external_memory;
    // Objects that have outlived two collections of the young heap, without buffers.
    const bytes = getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')!.space_used_size;
    // They become fewer by a collection alone.
    if (bytes < lastBytes || leastBytes === 0) {
      leastBytes = bytes;
      leastBuffers = buffers;
    }
    lastBytes = bytes;
    const isDue = bytes - leastBytes > Math.max(MIN_GROWTH_BYTES, leastBytes / 5, buffers - leastBuffers);
    setFlagsFromString(`--incremental-marking-hard-trigger=${isDue ? SOON_PERCENT : 0}`);
    // A process at rest may not need it for hours.
    soonLooks = isDue ? soonLooks + 1 : 0;
    setTimeout(look, isDue && soonLooks < MAX_SOON_LOOKS ? SOON_MS : INTERVAL_MS).unref();
  };
  look();
}
