let passed = 0;
let failed = 0;

/** Runs one check and prints a line. Returns whether it passed, so that what builds on it can be left out. */
export async function check(name, action) {
  const startMs = performance.now();
  const error = await Promise.resolve()
    .then(action)
    .then(
      () => undefined,
      (reason) => reason,
    );
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  if (error === undefined) passed++;
  else failed++;
  console.log(`${error === undefined ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (error !== undefined) console.log(String(error.message ?? error).replace(/^/gm, '    '));
  return error === undefined;
}

export function assert(isGood, message) {
  if (!isGood) throw new Error(message);
}

/** Prints the sum as the last line and sets the exit status. */
export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
