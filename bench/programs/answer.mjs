/** Lets the parent ask: each message names a command, and gets one answer with its id. */
export function answer(commands) {
  process.on('message', async ({ id, command, ...options }) => {
    try {
      process.send({ ...(await commands[command](options)), id });
    } catch (error) {
      process.send({ id, error: describe(error) });
    }
  });
  process.once('disconnect', () => process.exit(0));
}

/** The error and what caused it. */
function describe(error) {
  const own = [error.code, error.message].filter(Boolean).join(': ');
  return error.cause instanceof Error ? `${own} (${describe(error.cause)})` : own;
}

/** Tells the parent that everything is there. */
export function ready(values = {}) {
  process.send(values);
}

/** Runs `task` for 0 to `count` - 1, `width` of them at a time. */
export async function runAll(count, width, task) {
  let next = 0;
  const lane = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
