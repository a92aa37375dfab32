const flushLimitMs = 1_000;

const lastThings: (() => Promise<void>)[] = [];

/** Does something before the process ends, in time for what is said last. */
export function atEnd(lastThing: () => Promise<void>): void {
  lastThings.push(lastThing);
}

/** Does what `atEnd` was given. Idempotent. */
export async function doLastThings(): Promise<void> {
  await Promise.all(lastThings.splice(0).map((lastThing) => lastThing()));
}

/** Ends the process once what was written has left it, or after a second if nobody reads. */
export async function exitAfterFlush(code: number): Promise<never> {
  await doLastThings();
  const flushed = Promise.all([flush(process.stdout), flush(process.stderr)]);
  await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, flushLimitMs))]);
  process.exit(code);
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) {
      resolve();
      return;
    }
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
