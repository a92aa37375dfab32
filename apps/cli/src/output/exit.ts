const flushLimitMs = 1_000;

/** Ends the process once what was written has left it, or after a second if nobody reads. */
export async function exitAfterFlush(code: number): Promise<never> {
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
