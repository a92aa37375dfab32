import { exitAfterFlush } from '../output/exit.js';

export interface Shutdown {
  /** Fires at the first signal. */
  readonly signal: AbortSignal;
  /** Resolves `drainMs` after the first signal. */
  readonly deadline: Promise<void>;
  /** Stops as the first signal does. */
  start(): void;
}

/**
 * SIGTERM and SIGINT: the first one starts an orderly end that takes at most `drainMs`, the second ends the process at
 * once with `exitCode`. SIGHUP and a reader of our output that went away count as signals too.
 */
export function createShutdown(drainMs: number, exitCode = 0): Shutdown {
  const controller = new AbortController();
  let resolveDeadline: () => void = () => {};
  const deadline = new Promise<void>((resolve) => {
    resolveDeadline = resolve;
  });
  const start = (): void => {
    if (controller.signal.aborted) return;
    setTimeout(resolveDeadline, drainMs);
    controller.abort();
  };
  const onSignal = (): void => {
    if (controller.signal.aborted) void exitAfterFlush(exitCode);
    else start();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('SIGHUP', onSignal);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      start();
    });
  }
  return { signal: controller.signal, deadline, start };
}
