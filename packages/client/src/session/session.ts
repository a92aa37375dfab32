import {
  encodeAbort,
  encodeFramesPrefix,
  type OpenedRecord,
  parseAbort,
  parseFrames,
  type RecordOpener,
  RecordReader,
  type RecordSealer,
  type SessionKeys,
  type SessionParameters,
} from '@sealane/crypto/e2ee';
import { type MemoryBudget, Mux, type MuxStream } from '@sealane/mux';
import {
  AbortCode,
  abortError,
  type Clock,
  isSealaneError,
  MuxLimit,
  ProtocolSize,
  RecordType,
  ResetCode,
  SealaneError,
  SessionLimit,
  type Timer,
} from '@sealane/types';
import { AckState } from './ack-state.js';
import { LEAST_RECORD_BYTES } from './link-stream-path.js';
import { PingSchedule } from './ping-schedule.js';
import { type EndOfStream, endsIn, SentRecords } from './sent-records.js';
import type { SessionPath, SessionPathSink } from './session-path.js';

/** `type u8 | ack u64` before the frames, `u24 length` and the tag around them. */
const PLAINTEXT_BEFORE_FRAMES = 9;
const RECORD_AROUND = ProtocolSize.RECORD_LENGTH + ProtocolSize.RECORD_TAG;
const PATH_SILENT_MS = 10_000;
const PEER_STALLED_MS = 30_000;

export interface SessionHandler {
  /** The dialer's CONFIRM was opened: only now is the peer known to be there. Owner only. */
  onConfirmed(): void;
  onOpen(stream: MuxStream, open: Uint8Array): void;
  /** Room for new streams may have come or gone. */
  onChange(): void;
  /** Called once. Undefined after an orderly close of both sides. */
  onEnd(error: SealaneError | undefined): void;
}

export interface SessionOptions {
  readonly keys: SessionKeys;
  readonly own: SessionParameters;
  readonly peer: SessionParameters;
  readonly clock: Clock;
  readonly budget: MemoryBudget;
  readonly handler: SessionHandler;
}

/**
 * The records of one end-to-end session and the mux inside them (v1.md, "Sessions"). Data is pulled: a record is sealed
 * only when the path can take it, so what waits, waits in its stream under that stream's credit.
 */
export class Session implements SessionPathSink {
  readonly mux: Mux;
  recordsSent = 0;
  recordsReceived = 0;
  readonly #options: SessionOptions;
  readonly #sealer: RecordSealer;
  readonly #opener: RecordOpener;
  readonly #ack: AckState;
  readonly #sent = new SentRecords();
  readonly #pings = new PingSchedule();
  #path: SessionPath | undefined;
  #reader: RecordReader;
  #receivedBytes = 0;
  #creditedBytes = 0;
  #state: 'unconfirmed' | 'open' | 'ended' = 'open';
  #closeStep: 'none' | 'wanted' | 'sealed' = 'none';
  #closeNumber = 0;
  #peerClosed = false;
  #closeTimer: Timer | undefined;
  /** There was something to send and no credit for it. Peers return it at once, so a path without it is broken. */
  #blockedSinceMs: number | undefined;
  #openedMs: number;

  constructor(options: SessionOptions) {
    const { keys, own, peer, clock, budget, handler } = options;
    this.#options = options;
    this.#sealer = keys.createSealer();
    this.#opener = keys.createOpener(own.maxRecordPlaintext);
    this.#reader = new RecordReader(own.maxRecordPlaintext);
    this.#ack = new AckState(clock, () => this.wake());
    this.#openedMs = clock.nowMs();
    if (keys.role === 'owner') this.#state = 'unconfirmed';
    this.mux = new Mux({
      role: keys.role === 'dialer' ? 'opener' : 'acceptor',
      clock,
      budget,
      maxBodyBytes: Math.min(own.maxRecordPlaintext, peer.maxRecordPlaintext) - ProtocolSize.RECORD_OVERHEAD,
      maxOpenBytes: 1 + ProtocolSize.STREAM_LABEL + ProtocolSize.STREAM_METADATA,
      receiveWindowBytes: own.initialWindow,
      maxReceiveWindowBytes: MuxLimit.maxInnerWindowBytes,
      sendWindowBytes: peer.initialWindow,
      maxInboundStreams: own.maxStreams,
      maxOutboundStreams: peer.maxStreams,
      allowMessages: false,
      handler: {
        onWritable: () => this.wake(),
        onOpen: (stream, open) => handler.onOpen(stream, open),
        onGoAway: () => handler.onChange(),
      },
    });
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  get isConfirmed(): boolean {
    return this.#state === 'open';
  }

  /** Neither side has begun to close. */
  get isOpen(): boolean {
    return this.#state !== 'ended' && this.#closeStep === 'none' && !this.#peerClosed && !this.mux.isPeerLeaving;
  }

  attachPath(path: SessionPath): void {
    this.#path = path;
    this.wake();
  }

  wake(): void {
    if (this.#state !== 'ended') this.#path?.wake();
  }

  /** Seals CLOSE after everything that is queued. Streams must be finished or reset before. Idempotent. */
  sealClose(): void {
    if (this.#state === 'ended' || this.#closeStep !== 'none') return;
    this.#closeStep = 'wanted';
    this.#closeTimer = this.#options.clock.schedule(SessionLimit.closeWaitMs, () => {
      const isDone = this.#closeStep === 'sealed' && !this.#sent.hasUnacknowledged;
      this.#end(isDone ? undefined : new SealaneError('ERR_E2EE_TRUNCATED', 'the peer did not answer the close'));
    });
    this.wake();
  }

  /** Ends at once, telling the peer `code` where a path can still carry it. */
  abort(code: AbortCode, error: SealaneError): void {
    this.#end(error, this.#tellAbort(code));
  }

  sendRecord(): boolean {
    try {
      return this.#sendRecord();
    } catch (cause) {
      this.#onBroken(cause);
    }
    return false;
  }

  #sendRecord(): boolean {
    const path = this.#path;
    if (path === undefined || this.#state !== 'open') return false;
    const room = path.sendableBytes;
    if (room < LEAST_RECORD_BYTES) {
      this.#blockedSinceMs ??= this.#options.clock.nowMs();
      return false;
    }
    this.#blockedSinceMs = undefined;
    if (this.#closeStep === 'sealed') {
      if (this.#ack.isDue) this.#seal(path, RecordType.FRAMES, [this.#ackPrefix()], []);
      this.#finishClose();
      return false;
    }
    if (!this.#isConfirmDue && this.#sealer.rekeyDue(this.#options.clock.nowMs())) {
      this.#seal(path, RecordType.REKEY, [], []);
      return true;
    }
    const most = Math.min(this.#options.peer.maxRecordPlaintext, room - RECORD_AROUND) - PLAINTEXT_BEFORE_FRAMES;
    const batch = this.mux.pull(most);
    if (batch === undefined && this.#closeStep === 'wanted' && !this.#isConfirmDue) {
      this.#closeNumber = this.#seal(path, RecordType.CLOSE, [], []);
      this.#closeStep = 'sealed';
      return this.#ack.isDue;
    }
    if (batch === undefined && !this.#ack.isDue && !this.#isConfirmDue) return false;
    const type = this.#isConfirmDue ? RecordType.CONFIRM : RecordType.FRAMES;
    this.#seal(
      path,
      type,
      batch === undefined ? [this.#ackPrefix()] : [this.#ackPrefix(), ...batch.chunks],
      endsIn(batch),
    );
    return this.mux.hasPending || this.#closeStep === 'wanted';
  }

  onPathData(chunk: Uint8Array): void {
    this.#receivedBytes += chunk.length;
    try {
      for (const ciphertext of this.#reader.push(chunk)) {
        if (this.isEnded) return;
        this.#onRecord(this.#opener.open(ciphertext), ciphertext.length);
      }
    } catch (cause) {
      this.#onBroken(cause);
      return;
    }
    if (this.isEnded) return;
    const opened = this.#receivedBytes - this.#reader.bufferedBytes - this.#creditedBytes;
    if (opened > 0) {
      this.#creditedBytes += opened;
      this.#path?.returnCredit(opened);
    }
  }

  onPathEnd(cause: SealaneError): void {
    this.#path = undefined;
    const isDone = this.#peerClosed && !this.#sent.hasUnacknowledged;
    this.#end(isDone ? undefined : new SealaneError('ERR_E2EE_TRUNCATED', undefined, { cause, retryable: true }));
  }

  tick(): boolean {
    const nowMs = this.#options.clock.nowMs();
    if (this.#state !== 'open') return false;
    const pingSinceMs = this.mux.pingPendingSinceMs;
    const waitingSinceMs = this.#sent.hasUnacknowledged
      ? this.#sent.waitingSinceMs
      : (pingSinceMs ?? this.#blockedSinceMs);
    if (this.#closeStep === 'none') this.#pings.tick(this.mux, nowMs);
    if (waitingSinceMs === undefined) return false;
    if (nowMs - Math.max(this.#openedMs, waitingSinceMs) >= PATH_SILENT_MS) {
      this.#end(new SealaneError('ERR_E2EE_TRUNCATED', 'the peer does not answer', { retryable: true }));
    } else if (this.#sent.isStalled || (this.#sent.hasUnacknowledged && nowMs - waitingSinceMs >= PEER_STALLED_MS)) {
      this.abort(AbortCode.PEER_STALLED, new SealaneError('ERR_E2EE_PEER_STALLED'));
    }
    return true;
  }

  get #isConfirmDue(): boolean {
    return this.#options.keys.role === 'dialer' && this.#sealer.nextNumber === 0;
  }

  #ackPrefix(): Uint8Array {
    this.#ack.onSent();
    return encodeFramesPrefix(this.#opener.nextNumber);
  }

  #seal(path: SessionPath, type: RecordType, parts: readonly Uint8Array[], ends: readonly EndOfStream[]): number {
    const number = this.#sealer.nextNumber;
    const { headroomBytes } = path;
    const record = this.#sealer.seal(type, parts, { headroom: headroomBytes });
    this.recordsSent += 1;
    const isPureAck = type === RecordType.FRAMES && parts.length === 1;
    this.#sent.add(number, this.#options.clock.nowMs(), ends, isPureAck);
    path.send(headroomBytes === 0 ? record : record.subarray(headroomBytes));
    return number;
  }

  #onRecord(record: OpenedRecord, ciphertextBytes: number): void {
    this.recordsReceived += 1;
    this.#openedMs = this.#options.clock.nowMs();
    switch (record.type) {
      case RecordType.CONFIRM:
        this.#state = 'open';
        this.#options.handler.onConfirmed();
        if (this.isEnded) return;
        this.#onFrames(record.body);
        this.#ack.onRecord(ciphertextBytes, 'urgent');
        return;
      case RecordType.FRAMES:
        this.#ack.onRecord(ciphertextBytes, this.#onFrames(record.body) ? 'data' : 'quiet');
        return;
      case RecordType.CLOSE:
        this.#onPeerClose(ciphertextBytes);
        return;
      case RecordType.ABORT:
        this.#end(abortError(parseAbort(record.body)));
        return;
      default:
        if (this.#peerClosed) throw new SealaneError('ERR_E2EE_PROTOCOL', 'a record after CLOSE');
        this.#ack.onRecord(ciphertextBytes, record.type === RecordType.PAD ? 'quiet' : 'data');
    }
  }

  /** False for a pure ack. */
  #onFrames(body: Uint8Array): boolean {
    const { ack, frames } = parseFrames(body);
    this.#sent.acknowledge(ack, this.#openedMs);
    if (this.#closeStep === 'sealed') this.#finishClose();
    if (frames.length === 0) return false;
    if (this.#peerClosed) throw new SealaneError('ERR_E2EE_PROTOCOL', 'frames after CLOSE');
    if (!this.isEnded) this.mux.receive(frames);
    return true;
  }

  #onPeerClose(ciphertextBytes: number): void {
    if (this.#peerClosed) throw new SealaneError('ERR_E2EE_PROTOCOL', 'a second CLOSE');
    this.#peerClosed = true;
    this.mux.close(new SealaneError('ERR_E2EE_CLOSED', 'the peer closed the session'));
    this.#options.handler.onChange();
    this.#ack.onRecord(ciphertextBytes, 'urgent');
    this.sealClose();
    this.wake();
  }

  /** Both sides have closed, and each knows that the other one knows. */
  #finishClose(): void {
    if (!this.#peerClosed || this.#ack.isDue || this.#sent.acknowledged <= this.#closeNumber) return;
    this.#end(undefined);
  }

  #onBroken(cause: unknown): void {
    if (!isSealaneError(cause)) {
      this.abort(AbortCode.INTERNAL, new SealaneError('ERR_INTERNAL', undefined, { cause }));
    } else if (cause.code === 'ERR_E2EE_INTEGRITY') {
      this.abort(AbortCode.INTEGRITY, cause);
    } else {
      const isNamed = cause.code === 'ERR_E2EE_PROTOCOL';
      this.abort(AbortCode.PROTOCOL, isNamed ? cause : new SealaneError('ERR_E2EE_PROTOCOL', cause.message, { cause }));
    }
  }

  #tellAbort(code: AbortCode): boolean {
    const path = this.#path;
    const canTell = this.#state === 'open' && this.#closeStep !== 'sealed' && !this.#isConfirmDue;
    if (!canTell || path === undefined || path.sendableBytes < 64) return false;
    try {
      return this.#seal(path, RecordType.ABORT, [encodeAbort(code)], []) > 0;
    } catch {
      return false;
    }
  }

  /** With `isTold` the last record on the path says why: it ends in order, after that record. */
  #end(error: SealaneError | undefined, isTold = false): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#ack.stop();
    this.#closeTimer?.cancel();
    const lost = error ?? new SealaneError('ERR_E2EE_CLOSED');
    this.mux.close(lost);
    this.#sent.abandon(lost);
    this.#options.keys.wipe();
    const path = this.#path;
    this.#path = undefined;
    if (error === undefined || isTold) path?.end();
    else path?.reset(ResetCode.GONE);
    this.#options.handler.onEnd(error);
  }
}
