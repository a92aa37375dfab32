import type { RelayClient } from '@sealane/client';
import { atEnd, exitAfterFlush } from '../output/exit.js';

export interface Shutdown {
  /** Fires at the first signal. */
  readonly signal: AbortSignal;
  /** Resolves `drainMs` after the first signal. */
  readonly deadline: Promise<void>;
  /** Stops as the first signal does. */
  start(): void;
}

/**
 * SIGTERM and SIGINT: the first one starts an orderly end that takes at most `drainMs`, the second ends the process as
 * soon as its peers are told, the third at once, both with `exitCode`.
 * SIGHUP and a reader of our output that went away count as signals too.
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
  let isEnding = false;
  const onSignal = (): void => {
    if (isEnding) process.exit(exitCode);
    isEnding = controller.signal.aborted;
    if (isEnding) void exitAfterFlush(exitCode);
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

/**
 * However this program ends, its peers are told: their sessions would wait for it to come back otherwise, and the local
 * programs with them. Takes two seconds at most.
 */
export function tellPeersAtEnd(client: RelayClient): void {
  atEnd(() => client.close({ deadlineMs: 0 }));
}
