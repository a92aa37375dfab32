import { type PageProgram, program } from './program.js';
import { callRemote, describe } from './remote.js';

/** Runs one method of the program in the page, or in the worker that the page's address asks for. */
function chosen(): PageProgram {
  const kind = new URLSearchParams(location.search).get('run');
  if (kind === 'worker') return callRemote(new Worker('/worker.js', { type: 'module' }));
  if (kind === 'shared-worker') return callRemote(new SharedWorker('/shared-worker.js', { type: 'module' }).port);
  return program;
}

const running = chosen();

Object.assign(globalThis, {
  callProgram: async (method: keyof PageProgram, args: readonly unknown[]) => {
    const run = running[method] as (...args: readonly unknown[]) => Promise<unknown>;
    try {
      return { value: await run.apply(running, [...args]) };
    } catch (error) {
      return { error: describe(error) };
    }
  },
});
