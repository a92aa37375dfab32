import type { SessionKeys } from '@sealane/crypto/e2ee';
import type { MemoryBudget, MuxStream } from '@sealane/mux';
import { encodeStreamOpen, parseStreamOpen } from '@sealane/protocol';
import {
  AbortCode,
  type Clock,
  GoAwayCode,
  isSealaneError,
  ResetCode,
  SealaneError,
  SessionLimit,
  type Suite,
} from '@sealane/types';
import { abortedBy, untilAborted, whenAborted } from '../abort-signal.js';
import type { OpenStreamOptions, StreamRequest } from '../options.js';
import { AsyncQueue } from './async-queue.js';
import { type ConnectionStatistics, measureSession } from './connection-statistics.js';
import { Deferred } from './deferred.js';
import { EarlierDeadline } from './earlier-deadline.js';
import { ResumeHalf } from './resume-half.js';
import { SecureStream } from './secure-stream.js';
import { Session } from './session.js';
import type { SessionOptions, SessionResumption } from './session-options.js';
import type { SessionPath, SessionPathSink } from './session-path.js';

export interface CloseOptions {
  /** Streams that are still open then are reset. Default 5,000. */
  readonly deadlineMs?: number;
}

/** What the handshake says about a session. */
export interface ConnectionFacts {
  readonly peerId: string;
  readonly peerEpoch: number;
  readonly alpn: string;
  readonly service: string;
  readonly suite: Suite;
  readonly instance: Uint8Array;
}

export interface SecureConnectionOptions {
  readonly keys: SessionKeys;
  readonly own: SessionOptions['own'];
  readonly peer: SessionOptions['peer'];
  readonly clock: Clock;
  readonly budget: MemoryBudget;
  readonly facts: ConnectionFacts;
  /** Decides about each stream of the peer: nothing to take it, or the code of its reset. */
  readonly acceptStream?: ((request: StreamRequest) => ResetCode | undefined) | undefined;
  /** The session outlives its path; both sides have agreed to it. */
  readonly resumption?: SessionResumption | undefined;
  readonly onConfirmed?: (connection: SecureConnection) => void;
  /** The path broke and another one is wanted; the streams wait. */
  readonly onSuspended?: (connection: SecureConnection, cause: SealaneError) => void;
  /** The path will end soon: another one is wanted before that. */
  readonly onMove?: (connection: SecureConnection) => void;
  /** Another path carries on, `gapMs` after the last one broke. */
  readonly onResumed?: ((connection: SecureConnection, gapMs: number) => void) | undefined;
  /** The session takes more or fewer streams than before. */
  readonly onChange?: ((connection: SecureConnection) => void) | undefined;
  readonly onEnd?: (connection: SecureConnection, error: SealaneError | undefined) => void;
}

/** Streams of the peer that the application has not taken yet; more are refused as BUSY. */
const MAX_WAITING_STREAMS = 1_024;

/** One end-to-end session with one peer, authenticated on both sides, carrying many streams. */
export class SecureConnection implements AsyncIterable<SecureStream>, AsyncDisposable {
  readonly role: 'dialer' | 'owner';
  // Assigned all at once.
  declare readonly peerId: string;
  declare readonly peerEpoch: number;
  declare readonly alpn: string;
  declare readonly service: string;
  declare readonly suite: Suite;
  /** The handshake hash: equal on both sides, different for every session. */
  readonly channelBinding: Uint8Array;
  /** 16 bytes by which dialer, owner and relay know the session, for logs; not secret. */
  readonly connectionId: Uint8Array;
  /** The same for each later path of a session that goes on over another one. */
  readonly resumeId: Uint8Array;
  /** Of the owner's process, 16 bytes. */
  declare readonly instance: Uint8Array;
  readonly startedMs: number;
  /** @internal This side's half of a resumption; undefined for a session that ends with its path. */
  readonly resumeHalf: ResumeHalf | undefined;
  readonly #options: SecureConnectionOptions;
  /** @internal */
  readonly session: Session;
  readonly #incoming = new AsyncQueue<SecureStream>();
  readonly #closed = new Deferred<void>();
  readonly #maxStreams: number;
  #streams = 0;
  #closing: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;
  #deadline: EarlierDeadline | undefined;

  /** @internal */
  constructor(options: SecureConnectionOptions) {
    const { keys, own, peer, clock, budget, facts, resumption } = options;
    this.#options = options;
    this.role = keys.role;
    Object.assign(this, facts);
    this.channelBinding = keys.channelBinding;
    this.connectionId = keys.connectionId;
    this.resumeId = keys.resumeId;
    this.startedMs = clock.nowMs();
    this.#maxStreams = peer.maxStreams;
    this.session = new Session({
      keys,
      own,
      peer,
      clock,
      budget,
      resumption,
      handler: {
        onConfirmed: () => options.onConfirmed?.(this),
        onOpen: (stream, open) => this.#onOpen(stream, open),
        onChange: () => options.onChange?.(this),
        onSuspended: (cause) => options.onSuspended?.(this, cause),
        onResumed: (gapMs) => options.onResumed?.(this, gapMs),
        onEnd: (error) => this.#onEnd(error),
      },
    });
    const { recovery } = this.session;
    this.resumeHalf = recovery === undefined ? undefined : new ResumeHalf(keys, this.session, recovery);
  }

  get statistics(): ConnectionStatistics {
    return measureSession(this.session, this.#streams);
  }

  /** New streams can be opened, as far as the peer's limit goes. */
  get isOpen(): boolean {
    return this.session.isOpen && this.#closing === undefined;
  }

  /** The session goes on over another path when the one it has breaks. */
  get isResumable(): boolean {
    return this.resumeHalf !== undefined;
  }

  /** No path carries the session now; its streams wait for the next one. */
  get isSuspended(): boolean {
    return this.session.isSuspended;
  }

  /** Clock time in milliseconds at which the path broke, while none has taken its place. */
  get suspendedSinceMs(): number | undefined {
    return this.session.recovery?.suspendedSinceMs;
  }

  /** Identity of the relay that carries the session now; undefined while none does. */
  get relayId(): string | undefined {
    return this.session.path?.relayId;
  }

  /** @internal Leaves a path that will end, if there is a better one. Dialer only. */
  move(): void {
    this.#options.onMove?.(this);
  }

  /** Streams of both sides that have not ended. */
  get streamCount(): number {
    return this.#streams;
  }

  /** How many more streams may be opened now. */
  get freeStreams(): number {
    return this.isOpen ? Math.max(0, this.#maxStreams - this.session.mux.streamCount) : 0;
  }

  /** Resolves after an orderly close, rejects with the error that ended the session otherwise. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Opens a stream without a round trip; a refusal of the peer ends the stream. ERR_STREAM_BUSY at the peer's limit,
   * ERR_E2EE_CLOSED on a session that closes, ERR_ABORTED.
   */
  async openStream(options: OpenStreamOptions = {}): Promise<SecureStream> {
    return this.openStreamNow(options);
  }

  /** {@link openStream} without a promise. With `holdOpen` the opening waits for the first bytes, the end or `sendOpen`. */
  openStreamNow(options: OpenStreamOptions = {}, holdOpen = false): SecureStream {
    const { label = '', metadata = new Uint8Array(0), signal } = options;
    if (signal?.aborted) throw abortedBy(signal);
    if (!this.isOpen) throw new SealaneError('ERR_E2EE_CLOSED', undefined, { retryable: true });
    const stream = new SecureStream(this, label, metadata);
    stream.bind(
      this.session.mux.openStream(encodeStreamOpen({ label, metadata }), stream, { holdUntilData: holdOpen }),
    );
    this.#streams += 1;
    if (signal !== undefined) {
      const stop = whenAborted(signal, (error) => stream.abort(error));
      stream.finished.then(stop, stop);
    }
    return stream;
  }

  /**
   * Measures the round trip to the peer and back in milliseconds, encrypted as everything else. At most one PING is on
   * its way: callers at the same time share it, and get the same answer. Rejects with the error that ends the session,
   * ERR_E2EE_CLOSED, or ERR_ABORTED, which ends the waiting alone (v1.md, "Sessions").
   */
  ping(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    return untilAborted(() => this.session.mux.ping(), options.signal);
  }

  /** Secret bytes, 16 to 64, that both sides can derive; labels start with `app/`. ERR_ARGUMENT, ERR_E2EE_CLOSED. */
  exportKey(label: string, length: number): Uint8Array {
    return this.#options.keys.exportKey(label, length);
  }

  /**
   * Ends the session in order: no new streams, the open ones finish or are reset at the deadline, both sides agree that
   * it is over. Resolves when that is done, at most five seconds after the deadline. A later call with an earlier deadline
   * hastens it; otherwise idempotent.
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { deadlineMs = SessionLimit.closeWaitMs } = options;
    if (this.#closing === undefined) this.#closing = this.#close(deadlineMs);
    else this.#deadline?.hasten(deadlineMs);
    return this.#closing;
  }

  /** Ends the session at once; its streams end with an error on both sides. Idempotent. */
  abort(reason?: unknown): void {
    const error = isSealaneError(reason) ? reason : new SealaneError('ERR_ABORTED', undefined, { cause: reason });
    this.session.abort(error.code === 'ERR_E2EE_DENIED' ? AbortCode.DENIED : AbortCode.SHUTDOWN, error);
  }

  /** Streams that the peer opens. Leaving the loop refuses the ones that nobody took. */
  [Symbol.asyncIterator](): AsyncIterator<SecureStream> {
    return {
      next: () => this.#incoming.next(),
      return: () => {
        for (const stream of this.#incoming.drop()) stream.reset(ResetCode.REFUSED);
        return Promise.resolve({ value: undefined, done: true });
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal Called once by who made the connection: records flow on `path` from now on. */
  attachPath(path: SessionPath & { attach(sink: SessionPathSink): void }): void {
    path.attach(this.session);
    this.session.attachPath(path);
  }

  /** @internal Called once by each stream when it is over, in whatever way. */
  onStreamDone(_stream: SecureStream): void {
    this.#streams -= 1;
    if (this.#streams === 0) this.#onEmpty?.();
    this.#options.onChange?.(this);
  }

  async #close(deadlineMs: number): Promise<void> {
    if (this.session.isEnded) return;
    if (this.isUnconfirmed) {
      this.abort(new SealaneError('ERR_CLOSED'));
      return;
    }
    if (this.session.isOpen) this.session.mux.goAway({ code: GoAwayCode.SHUTDOWN });
    this.#options.onChange?.(this);
    for (const stream of this.#incoming.drop()) stream.reset(ResetCode.REFUSED);
    if (this.#streams > 0) await this.#streamsDone(deadlineMs);
    this.session.sealClose();
    // What an orderly end was refused is told by `closed`; here it is over either way.
    await this.#closed.promise.catch(() => undefined);
  }

  /** @internal An owner's session whose dialer has not confirmed. */
  get isUnconfirmed(): boolean {
    return this.session.isUnconfirmed;
  }

  #streamsDone(deadlineMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#deadline?.cancel();
        this.#onEmpty = undefined;
        resolve();
      };
      this.#onEmpty = done;
      this.#deadline = new EarlierDeadline(this.#options.clock, deadlineMs, () => {
        for (const stream of [...this.session.mux.streams()]) {
          if (stream.handler instanceof SecureStream) stream.handler.reset(ResetCode.GONE);
        }
        done();
      });
    });
  }

  #onOpen(muxStream: MuxStream, open: Uint8Array): void {
    // ERR_PROTOCOL_* of a malformed OPEN ends the session.
    const { label, metadata } = parseStreamOpen(open);
    const refusal = this.#refusalOf({ label, metadata, peerId: this.peerId });
    if (refusal !== undefined) {
      muxStream.reset(refusal);
      return;
    }
    const stream = new SecureStream(this, label, metadata);
    stream.bind(muxStream);
    muxStream.handler = stream;
    this.#streams += 1;
    if (this.#incoming.push(stream)) return;
    stream.reset(ResetCode.REFUSED);
  }

  #refusalOf(request: StreamRequest): ResetCode | undefined {
    if (this.#closing !== undefined) return ResetCode.REFUSED;
    if (this.#incoming.length >= MAX_WAITING_STREAMS) return ResetCode.BUSY;
    try {
      return this.#options.acceptStream?.(request);
    } catch {
      return ResetCode.INTERNAL;
    }
  }

  #onEnd(error: SealaneError | undefined): void {
    this.#closing ??= Promise.resolve();
    this.#incoming.end();
    if (error === undefined || error.code === 'ERR_CLOSED') this.#closed.resolve();
    else this.#closed.reject(error);
    this.#onEmpty?.();
    this.#options.onEnd?.(this, error);
  }
}
