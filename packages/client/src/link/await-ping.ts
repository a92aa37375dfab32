import { SealaneError } from '@sealane/types';

/** The round trip of a PING that other callers may share: a signal ends this caller's waiting, not the PING. */
export async function awaitPing(ping: () => Promise<number>, signal: AbortSignal | undefined): Promise<number> {
  if (signal === undefined) return await ping();
  if (signal.aborted) throw aborted(signal);
  let stop = (): void => undefined;
  const given = new Promise<never>((_, reject) => {
    const abort = (): void => reject(aborted(signal));
    signal.addEventListener('abort', abort, { once: true });
    stop = () => signal.removeEventListener('abort', abort);
  });
  try {
    return await Promise.race([ping(), given]);
  } finally {
    stop();
  }
}

function aborted(signal: AbortSignal): SealaneError {
  return new SealaneError('ERR_ABORTED', undefined, { cause: signal.reason });
}
