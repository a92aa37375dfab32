import type { Mux, MuxStream, StreamHandler } from '@sealane/mux';
import { parseStreamOpen } from '@sealane/protocol';
import { ResetCode } from '@sealane/types';
import { assertRule } from './violation.js';

class UserStream implements StreamHandler {
  port!: MuxStream;
  hasFin = false;
  resets = 0;
  isEnded = false;
  ends = 0;

  onData(chunk: Uint8Array, fin: boolean): void {
    assertRule(!this.hasFin && this.resets === 0, 'nothing comes after the end');
    assertRule(chunk.length > 0 || fin, 'no empty data');
    this.hasFin = fin;
  }

  onReset(): void {
    this.resets++;
    assertRule(this.resets === 1, 'a stream is reset once');
  }

  onEndAcknowledged(): void {
    this.ends++;
    assertRule(this.isEnded && this.ends === 1, 'an end is acknowledged once, after it was made');
  }

  onEndLost(): void {
    this.ends++;
    assertRule(this.isEnded && this.ends === 1, 'an end is lost once, after it was made');
  }
}

/** The streams of one session as its user sees them. */
export class SessionUser {
  readonly streams: UserStream[] = [];

  open(mux: Mux): void {
    const stream = new UserStream();
    stream.port = mux.openStream(Uint8Array.of(0), stream);
    this.streams.push(stream);
  }

  /** As an application does: an OPEN that is none ends the session. */
  take(port: MuxStream, open: Uint8Array): void {
    parseStreamOpen(open);
    const stream = new UserStream();
    stream.port = port;
    port.handler = stream;
    this.streams.push(stream);
  }

  write(pick: number, bytes: Uint8Array): void {
    const stream = this.#pick(pick);
    if (stream !== undefined && !stream.isEnded) stream.port.write(bytes);
  }

  end(pick: number): void {
    const stream = this.#pick(pick);
    if (stream === undefined) return;
    stream.isEnded = true;
    stream.port.end();
  }

  reset(pick: number): void {
    this.#pick(pick)?.port.reset(ResetCode.CANCELLED);
  }

  consume(pick: number): void {
    const port = this.#pick(pick)?.port;
    port?.consume(port.heldBytes);
  }

  resetAll(): void {
    for (const { port } of this.streams) port.reset(ResetCode.CANCELLED);
  }

  assertOver(): void {
    for (const { port } of this.streams) {
      port.consume(port.heldBytes);
      assertRule(port.isClosed, 'no stream outlives its session');
    }
  }

  #pick(pick: number): UserStream | undefined {
    return this.streams[pick % Math.max(1, this.streams.length)];
  }
}
