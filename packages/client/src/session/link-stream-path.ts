import type { MuxStream } from '@sealane/mux';
import type { ControlMessage } from '@sealane/protocol';
import { MessageKind, type ResetCode, SealaneError, SessionLimit } from '@sealane/types';
import type { RelayLink } from '../link/relay-link.js';
import type { LinkStreamHandler } from '../link/relay-link-options.js';
import type { SessionPath, SessionPathSink } from './session-path.js';

/** What happens on a relayed stream before records flow on it. */
export interface PathSetup {
  onMessage(message: ControlMessage): void;
  /** Bytes before the first record: the handshake where it does not travel in OPEN and ACCEPT. */
  onData(chunk: Uint8Array): void;
  onEnd(error: SealaneError): void;
}

/** A stream of a relay link as the path of a session. */
export class LinkStreamPath implements SessionPath, LinkStreamHandler {
  readonly link: RelayLink;
  /** Records are opened into memory of their own, and what comes in pieces is gathered. */
  readonly copies = true;
  #stream: MuxStream | undefined;
  #setup: PathSetup | undefined;
  #sink: SessionPathSink | undefined;
  #unsentBytes = 0;
  #isEnded = false;

  constructor(link: RelayLink, setup: PathSetup) {
    this.link = link;
    this.#setup = setup;
  }

  /** Must be called with the stream whose handler this is, before anything happens on it. */
  bind(stream: MuxStream): void {
    this.#stream = stream;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get relayId(): string | undefined {
    return this.link.isUp ? this.link.relay.relayId : undefined;
  }

  /** From here on the stream carries records. */
  attach(sink: SessionPathSink): void {
    this.#setup = undefined;
    this.#sink = sink;
    if (!this.#isEnded) this.link.addBusyProbe(this.#probe);
  }

  get sendableBytes(): number {
    const stream = this.#stream;
    if (stream === undefined || this.#isEnded || !this.link.hasRoom) return 0;
    return Math.max(0, stream.sendCredit - stream.queuedBytes);
  }

  send(record: readonly Uint8Array[], bytes: number): void {
    this.#unsentBytes += bytes;
    this.link.addUnsent(bytes);
    this.#stream?.write({ chunks: record, length: bytes });
  }

  /** Bytes before the first record. */
  sendPlain(bytes: Uint8Array): void {
    if (!this.#isEnded) this.#stream?.write(bytes);
  }

  sendMessage(message: ControlMessage): void {
    if (this.#stream !== undefined && !this.#isEnded) this.link.sendMessage(this.#stream, message);
  }

  returnCredit(bytes: number): void {
    this.#stream?.consume(bytes);
  }

  wake(): void {
    if (this.#sink !== undefined && !this.#isEnded) this.link.addSource(this.#sink);
  }

  end(): void {
    this.#finish();
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.end();
    this.link.resetLater(stream);
  }

  reset(code: ResetCode): void {
    this.#finish();
    this.#stream?.reset(code);
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (this.#isEnded) {
      this.#stream?.consume(chunk.length);
      return;
    }
    if (chunk.length > 0) {
      if (this.#sink !== undefined) this.#sink.onPathData(chunk);
      else if (this.#setup !== undefined) this.#setup.onData(chunk);
    }
    if (fin && !this.#isEnded) this.#onEnd(new SealaneError('ERR_E2EE_TRUNCATED', 'the peer ended the path'), true);
  }

  onReset(error: SealaneError): void {
    this.#onEnd(error, false);
  }

  onSent(bytes: number): void {
    const sent = Math.min(bytes, this.#unsentBytes);
    this.#unsentBytes -= sent;
    this.link.addUnsent(-sent);
  }

  onCredit(): void {
    this.wake();
  }

  onMessage(message: ControlMessage): void {
    if (this.#setup !== undefined) this.#setup.onMessage(message);
    else if (message.kind === MessageKind.REJECT) this.onReset(new SealaneError('ERR_E2EE_TRUNCATED'));
  }

  readonly #probe = (): boolean => this.#sink?.tick() ?? false;

  #onEnd(error: SealaneError, answer: boolean): void {
    if (this.#isEnded) return;
    this.#finish();
    if (answer) this.#stream?.end();
    if (this.#sink !== undefined) this.#sink.onPathEnd(error);
    else this.#setup?.onEnd(error);
  }

  #finish(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.link.removeBusyProbe(this.#probe);
    if (this.#sink !== undefined) this.link.turn.remove(this.#sink);
    // What an ended stream still holds back is not in the way of others: the mux sends or drops it.
    this.link.addUnsent(-this.#unsentBytes);
    this.#unsentBytes = 0;
    // The record that ended the session, or half a one: nobody else gives back what an orderly end leaves charged.
    this.#stream?.consume(this.#stream.heldBytes);
  }
}

/** Below it a record is not worth its overhead: the path waits for more credit. */
export const LEAST_RECORD_BYTES: number = Math.min(4_096, SessionLimit.maxQueuedBytes);
