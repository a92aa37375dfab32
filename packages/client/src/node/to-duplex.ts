import { Duplex } from 'node:stream';
import { ResetCode, SealaneError } from '@sealane/types';
import type { SecureStream } from '../session/secure-stream.js';
import type { StreamPort, StreamSink } from '../session/stream-port.js';
import { WriteGate } from '../session/write-gate.js';

/**
 * The stream as a Node Duplex with `allowHalfOpen`. 'end' is the peer's authenticated end; what ended the stream
 * otherwise is its 'error', with the code of a SealaneError. `end` calls back when the peer acknowledged our end;
 * `destroy` resets what has not ended.
 */
export function toDuplex(stream: SecureStream): Duplex {
  return new StreamDuplex(stream.raw);
}

class StreamDuplex extends Duplex implements StreamSink {
  readonly #port: StreamPort;
  readonly #gate: WriteGate;
  /** What the reader did not want yet. */
  readonly #waiting: Uint8Array[] = [];
  #finReceived = false;
  #isWanted = false;
  #final: ((error?: Error | null) => void) | undefined;
  #isEndAcknowledged = false;

  constructor(port: StreamPort) {
    super({ allowHalfOpen: true, emitClose: true });
    this.#port = port;
    this.#gate = new WriteGate(port);
    port.attach(this);
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (fin) this.#finReceived = true;
    if (this.destroyed) {
      this.#port.consume(chunk.length);
      return;
    }
    if (chunk.length > 0) this.#waiting.push(chunk);
    this.#give();
  }

  onReset(error: SealaneError): void {
    this.#gate.drop();
    this.destroy(error);
  }

  onDrain(): void {
    this.#gate.onDrain();
  }

  onEndAcknowledged(): void {
    this.#isEndAcknowledged = true;
    const final = this.#final;
    this.#final = undefined;
    final?.();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#give();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: () => void): void {
    this.#gate.write(chunk, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#port.end();
    if (this.#isEndAcknowledged) callback();
    else this.#final = callback;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#waiting.length = 0;
    if (!this.#port.isClosed) this.#port.reset(ResetCode.CANCELLED);
    this.#final?.(error ?? new SealaneError('ERR_STREAM_CANCELLED'));
    this.#final = undefined;
    callback(error);
  }

  #give(): void {
    while (this.#isWanted && this.#waiting.length > 0) {
      const chunk = this.#waiting.shift()!;
      this.#isWanted = this.push(chunk);
      this.#port.consume(chunk.length);
    }
    if (this.#finReceived && this.#waiting.length === 0) {
      this.#finReceived = false;
      this.push(null);
    }
  }
}
