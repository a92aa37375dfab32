import type { MuxStream, StreamHandler } from '@sealane/mux';
import type { SealaneError } from '@sealane/types';

/**
 * Stands before the handler of one stream until its first bytes: messages of the handshake that did not travel with the
 * request and its answer. Afterwards it is out of the way, so no later frame pays for it.
 */
class FirstBytes implements StreamHandler {
  readonly #stream: MuxStream;
  readonly #handler: StreamHandler;
  readonly #onFirst: () => void;

  constructor(stream: MuxStream, handler: StreamHandler, onFirst: () => void) {
    this.#stream = stream;
    this.#handler = handler;
    this.#onFirst = onFirst;
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (chunk.length > 0 || fin) this.#stream.handler = this.#handler;
    if (chunk.length > 0) this.#onFirst();
    this.#handler.onData(chunk, fin);
  }

  onSent(bytes: number): void {
    this.#handler.onSent?.(bytes);
  }

  onReset(error: SealaneError, code: number): void {
    this.#handler.onReset(error, code);
  }
}

export interface WatchedHandshake {
  readonly dialer: MuxStream;
  readonly owner: MuxStream;
  /** Clock time at which message 1 went to the owner; undefined: it comes on the stream. */
  readonly startMs: number | undefined;
  readonly nowMs: () => number;
  readonly onDone: (ms: number) => void;
}

/** Measures a handshake that goes on on the streams of its session, which have their handlers already. */
export function watchHandshake({ dialer, owner, startMs, nowMs, onDone }: WatchedHandshake): void {
  let sinceMs = startMs;
  watch(dialer, () => {
    sinceMs ??= nowMs();
  });
  watch(owner, () => {
    if (sinceMs !== undefined) onDone(nowMs() - sinceMs);
  });
}

function watch(stream: MuxStream, onFirst: () => void): void {
  if (stream.handler !== undefined) stream.handler = new FirstBytes(stream, stream.handler, onFirst);
}
