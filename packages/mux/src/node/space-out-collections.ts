import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Dead buffers that may gather between two collections of the whole heap. */
const GARBAGE_BYTES = 96 * 1_048_576;
const MIN_PERCENT = 50;
const MAX_PERCENT = 900;
const INTERVAL_MS = 1_000;

/**
 * Makes a process that forwards bytes collect its whole heap less often. V8 plans the next collection from the size of
 * the heap: with one of 10 MB it runs after every 8 MB of buffers, and forwarding spends most of its time there. Here
 * it runs after about 96 MiB, whatever the size of the heap, which is looked at every second. For programs, not for
 * libraries: the setting is one of the process. Returns what ends it; the timer keeps no process alive.
 */
export function spaceOutCollections(): () => void {
  const adjust = (): void => {
    // Not process.memoryUsage(): it opens a file, and throws in a process that has no handle left.
    const percent = Math.round((GARBAGE_BYTES * 100) / getHeapStatistics().used_heap_size);
    setFlagsFromString(`--heap-growing-percent=${Math.max(MIN_PERCENT, Math.min(MAX_PERCENT, percent))}`);
  };
  adjust();
  const timer = setInterval(adjust, INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    setFlagsFromString('--heap-growing-percent=0');
  };
}
