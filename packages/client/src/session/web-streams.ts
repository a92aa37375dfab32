import { ResetCode, type SealaneError } from '@sealane/types';
import { Deferred } from './deferred.js';
import type { StreamPort } from './stream-port.js';
import { WriteGate } from './write-gate.js';

interface ReadableSide {
  readonly stream: ReadableStream<Uint8Array>;
  onData(chunk: Uint8Array, fin: boolean): void;
  onReset(error: SealaneError): void;
  /** Our own direction has ended. */
  onWriteEnded(): void;
}

/** The peer's direction as a web stream: a chunk's credit goes back when the reader takes it. */
export function createReadable(port: StreamPort): ReadableSide {
  let queue: Uint8Array[] = [];
  let finReceived = false;
  let isCancelled = false;
  let isWriteEnded = false;
  let wanted: (() => void) | undefined;
  let controller!: ReadableStreamDefaultController<Uint8Array>;

  const give = (): boolean => {
    const chunk = queue.shift();
    if (chunk !== undefined) {
      controller.enqueue(chunk);
      port.consume(chunk.length);
    }
    const isEnd = finReceived && queue.length === 0;
    if (isEnd) controller.close();
    return chunk !== undefined || isEnd;
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(created) {
        controller = created;
      },
      pull() {
        if (give()) return undefined;
        return new Promise<void>((resolve) => {
          wanted = resolve;
        });
      },
      cancel() {
        isCancelled = true;
        for (const chunk of queue) port.consume(chunk.length);
        queue = [];
        if (isWriteEnded && !finReceived) port.reset(ResetCode.CANCELLED);
      },
    },
    { highWaterMark: 0 },
  );
  const answerPull = (): void => {
    if (wanted === undefined || !give()) return;
    const resolve = wanted;
    wanted = undefined;
    resolve();
  };
  return {
    stream,
    onData(chunk, fin) {
      if (fin) finReceived = true;
      if (isCancelled) {
        port.consume(chunk.length);
        return;
      }
      if (chunk.length > 0) queue.push(chunk);
      answerPull();
    },
    onReset(error) {
      // After the authenticated end what waits is whole, whatever became of the other direction.
      if (isCancelled || finReceived) return;
      queue = [];
      controller.error(error);
      wanted?.();
      wanted = undefined;
    },
    onWriteEnded() {
      isWriteEnded = true;
      if (isCancelled && !finReceived) port.reset(ResetCode.CANCELLED);
    },
  };
}

interface WritableSide {
  readonly stream: WritableStream<Uint8Array>;
  onDrain(): void;
  onEndAcknowledged(): void;
  onReset(error: SealaneError): void;
}

/** Our direction as a web stream: a write resolves when its memory is the caller's again and there is room. */
export function createWritable(port: StreamPort): WritableSide {
  const gate = new WriteGate(port);
  let pending: Deferred<void> | undefined;
  let closing: Deferred<void> | undefined;
  let isEndAcknowledged = false;
  let controller!: WritableStreamDefaultController;
  const stream = new WritableStream<Uint8Array>({
    start(created) {
      controller = created;
    },
    write(chunk) {
      let isDone = false;
      gate.write(chunk, () => {
        isDone = true;
        pending?.resolve();
        pending = undefined;
      });
      if (isDone) return undefined;
      pending = new Deferred<void>();
      return pending.promise;
    },
    close() {
      port.end();
      if (isEndAcknowledged) return undefined;
      closing = new Deferred<void>();
      return closing.promise;
    },
    abort() {
      port.reset(ResetCode.CANCELLED);
    },
  });
  return {
    stream,
    onDrain: () => gate.onDrain(),
    onEndAcknowledged() {
      isEndAcknowledged = true;
      closing?.resolve();
    },
    onReset(error) {
      gate.drop();
      controller.error(error);
      pending?.reject(error);
      closing?.reject(error);
    },
  };
}
