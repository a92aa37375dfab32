import { type Clock, SealaneError } from '@sealane/types';

/** ERR_ABORTED, for the reason that the signal gives. */
export function abortedBy(signal: AbortSignal | undefined): SealaneError {
  return new SealaneError('ERR_ABORTED', undefined, { cause: signal?.reason });
}

/** Calls `act` once when the signal ends, at once when it has already. What is returned takes that back. */
export function whenAborted(signal: AbortSignal | undefined, act: (error: SealaneError) => void): () => void {
  const abort = (): void => act(abortedBy(signal));
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return () => signal?.removeEventListener('abort', abort);
}

/** What `start` comes to, unless the signal ends the waiting for it before: ERR_ABORTED. */
export async function untilAborted<T>(start: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal?.aborted) throw abortedBy(signal);
  let stop = (): void => undefined;
  const given = new Promise<never>((_, reject) => {
    stop = whenAborted(signal, reject);
  });
  try {
    return await Promise.race([start(), given]);
  } finally {
    stop();
  }
}

/** Waits so long. ERR_ABORTED when the signal ends before. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(delayMs, () => {
      stop();
      resolve();
    });
    const stop = whenAborted(signal, (error) => {
      timer.cancel();
      reject(error);
    });
  });
}
