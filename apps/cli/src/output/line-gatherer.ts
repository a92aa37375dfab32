/** How long a line may wait for others. */
const waitMs = 10;

/** Lines that are written together: a write for each costs more than the line. */
export interface LineGatherer {
  /** Characters that wait. */
  readonly length: number;
  /** Written within 10 ms, with what else has come by then. */
  add(line: string): void;
  /** Written now, after what waits. */
  addLast(line: string): void;
  flush(): void;
}

export function createLineGatherer(write: (text: string) => void): LineGatherer {
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    process.off('exit', flush);
    const text = waiting;
    waiting = '';
    if (text !== '') write(text);
  };
  return {
    get length() {
      return waiting.length;
    },
    add(line) {
      waiting += line;
      if (timer !== undefined) return;
      timer = setTimeout(flush, waitMs);
      timer.unref();
      process.once('exit', flush);
    },
    addLast(line) {
      waiting += line;
      flush();
    },
    flush,
  };
}
