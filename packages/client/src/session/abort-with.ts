import { SealaneError } from '@sealane/types';
import type { SecureStream } from './secure-stream.js';

/** The signal ends the stream, as long as the stream has not ended by itself. */
export function abortWith(stream: SecureStream, signal: AbortSignal): void {
  const abort = (): void => stream.abort(new SealaneError('ERR_ABORTED', undefined, { cause: signal.reason }));
  signal.addEventListener('abort', abort, { once: true });
  stream.finished.then(
    () => signal.removeEventListener('abort', abort),
    () => signal.removeEventListener('abort', abort),
  );
}
