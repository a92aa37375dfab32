import { type OpenedRecord, parseAbort, parseFrames, type ResumeState } from '@sealane/crypto/e2ee';
import type { Mux } from '@sealane/mux';
import {
  AbortCode,
  abortError,
  RecordType,
  ResetCode,
  ResumptionLimit,
  SealaneError,
  SessionLimit,
  type Timer,
} from '@sealane/types';
import { brokenBy, closedByPeer, endedMeanwhile, sessionClosed } from './broken-by.js';
import { createRecovery } from './create-recovery.js';
import { createInnerMux } from './inner-mux.js';
import type { KeptOwner } from './kept-budget.js';
import type { PathRecovery } from './path-recovery.js';
import { PingSchedule } from './ping-schedule.js';
import { RecordIn } from './record-in.js';
import { RecordOut } from './record-out.js';
import type { SessionOptions } from './session-options.js';
import type { SessionPath, SessionPathSink } from './session-path.js';
import { StallWatch } from './stall-watch.js';

/**
 * The records of one end-to-end session and the mux inside them (v1.md, "Sessions"). Data is pulled: a record is sealed
 * only when the path can take it, so what waits, waits in its stream under that stream's credit.
 */
export class Session implements SessionPathSink, KeptOwner {
  readonly mux: Mux;
  recordsReceived = 0;
  isWaiting = false;
  /** Identities of the relays that have carried it. */
  readonly relayIds: Set<string> = new Set();
  readonly #options: SessionOptions;
  readonly #in: RecordIn;
  readonly #out: RecordOut;
  readonly #recovery: PathRecovery | undefined;
  readonly #pings = new PingSchedule();
  readonly #stall = new StallWatch();
  #path: SessionPath | undefined;
  #pathSinceMs: number;
  #state: 'unconfirmed' | 'open' | 'ended' = 'open';
  #peerClosed = false;
  #closeTimer: Timer | undefined;
  #openedMs: number;

  constructor(options: SessionOptions) {
    const { keys, own, peer, clock, resumption } = options;
    this.#options = options;
    this.#in = new RecordIn(keys.createOpener(own.maxRecordPlaintext), own.maxRecordPlaintext);
    this.#openedMs = clock.nowMs();
    this.#pathSinceMs = clock.nowMs();
    if (keys.role === 'owner') this.#state = 'unconfirmed';
    this.mux = createInnerMux(options, () => this.wake());
    this.#out = new RecordOut({
      sealer: keys.createSealer(),
      isDialer: keys.role === 'dialer',
      maxPlaintext: peer.maxRecordPlaintext,
      clock,
      mux: this.mux,
      account: resumption?.account,
      nextExpected: () => this.#in.nextNumber,
      wake: () => this.wake(),
    });
    if (resumption !== undefined) resumption.account.owner = this;
    this.#recovery = createRecovery(options, this.#out, () => this.giveUp());
  }

  get recordsSent(): number {
    return this.#out.recordsSent;
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** An owner's session whose dialer has not confirmed. */
  get isUnconfirmed(): boolean {
    return this.#state === 'unconfirmed';
  }

  /** Neither side has begun to close. */
  get isOpen(): boolean {
    return this.#state !== 'ended' && !this.#out.isClosing && !this.#peerClosed && !this.mux.isPeerLeaving;
  }

  /** What is known of its paths; undefined for a session that ends with its first one. */
  get recovery(): PathRecovery | undefined {
    return this.#recovery;
  }

  get isSuspended(): boolean {
    return this.#state !== 'ended' && this.#recovery?.isSuspended === true;
  }

  /** The path that records take now. */
  get path(): SessionPath | undefined {
    return this.#path;
  }

  /** What this side says of itself when a path is to be resumed (v1.md, "RESUME"). */
  resumeState(status = 0): ResumeState {
    return { status, nextExpected: this.#in.nextNumber, nextSealed: this.#out.nextNumber };
  }

  /** Leaves the present path if there is one: from here on nothing on it is read or written. */
  leavePath(cause: SealaneError): void {
    if (this.#state !== 'ended') this.#breakPath(cause);
  }

  /** Checks what the peer says of itself and takes it as an ack. False when it ended the session. */
  takePeerState(peer: ResumeState): boolean {
    try {
      if (peer.nextExpected < this.#out.sent.acknowledged || peer.nextSealed < this.#in.nextNumber) {
        throw new SealaneError('ERR_E2EE_PROTOCOL', 'the peer takes an ack back');
      }
      this.#acknowledge(peer.nextExpected, this.#options.clock.nowMs());
    } catch (cause) {
      this.#onBroken(cause);
      return false;
    }
    if (this.isEnded || peer.status === 0) return !this.isEnded;
    const isDone = this.#peerClosed && !this.#out.sent.hasUnacknowledged;
    this.#end(isDone ? undefined : endedMeanwhile(peer.status));
    return false;
  }

  /** Goes on over `path` after both halves of RESUME were taken: what the peer did not get is sent again as it was. */
  resumeOn(path: SessionPath, peer: ResumeState): void {
    const recovery = this.#recovery;
    if (recovery === undefined || this.#state === 'ended') return;
    recovery.peerAnnounced = peer.nextSealed;
    this.#in.restart();
    const gapMs = recovery.resume();
    this.attachPath(path, peer.nextExpected);
    // An idle session too has to see that the path carries something, or its time to give up would run on.
    if (!this.#out.isClosing && this.mux.pingPendingSinceMs === undefined) this.mux.ping().catch(() => undefined);
    this.#options.handler.onResumed(gapMs);
  }

  /** Nobody resumes it any more. */
  giveUp(): void {
    const options = { cause: this.#recovery?.cause, retryable: true };
    this.#end(new SealaneError('ERR_E2EE_TRUNCATED', 'it could not be resumed', options));
  }

  wake(): void {
    if (this.#state !== 'ended') this.#path?.wake();
  }

  /** Seals CLOSE after everything that is queued. Streams must be finished or reset before. Idempotent. */
  sealClose(): void {
    if (this.#state === 'ended' || this.#out.isClosing) return;
    this.#out.requestClose();
    this.#closeTimer = this.#options.clock.schedule(SessionLimit.closeWaitMs, () => {
      const isDone = this.#out.isCloseSealed && !this.#out.sent.hasUnacknowledged;
      this.#end(isDone ? undefined : new SealaneError('ERR_E2EE_TRUNCATED', 'the peer did not answer the close'));
    });
    this.wake();
  }

  /** Ends at once, telling the peer `code` where a path can still carry it. */
  abort(code: AbortCode, error: SealaneError): void {
    this.#end(error, this.#state === 'open' && this.#out.tellAbort(code));
  }

  sendRecord(): boolean {
    // An owner seals nothing before CONFIRM has opened.
    if (this.#state !== 'open') return false;
    try {
      const hasMore = this.#out.send();
      if (!hasMore && this.#out.isCloseSealed) this.#finishClose();
      return hasMore;
    } catch (cause) {
      this.#onBroken(cause);
      return false;
    }
  }

  onPathData(chunk: Uint8Array): void {
    const path = this.#path;
    // What a handler did may have ended the session, or left this path.
    const isSame = (): boolean => this.#state !== 'ended' && this.#path === path;
    try {
      this.#in.push(chunk, (record, ciphertextBytes) => {
        this.#onRecord(record, ciphertextBytes);
        return isSame();
      });
    } catch (cause) {
      this.#onBroken(cause);
    }
    if (!isSame()) return;
    const opened = this.#in.takeOpenedBytes();
    if (opened > 0) path?.returnCredit(opened);
  }

  onPathEnd(cause: SealaneError): void {
    this.#path = undefined;
    if (this.#peerClosed && !this.#out.sent.hasUnacknowledged) {
      this.#end(undefined);
      return;
    }
    this.#breakPath(new SealaneError('ERR_E2EE_TRUNCATED', undefined, { cause, retryable: true }));
  }

  tick(): boolean {
    if (this.#state !== 'open') return false;
    const nowMs = this.#options.clock.nowMs();
    if (this.#recovery?.isOverdue) {
      this.giveUp();
      return false;
    }
    const { sent, blockedSinceMs, isClosing } = this.#out;
    const waitingSinceMs = sent.hasUnacknowledged
      ? sent.waitingSinceMs
      : (this.mux.pingPendingSinceMs ?? blockedSinceMs);
    if (!isClosing) this.#pings.tick(this.mux, nowMs);
    if (!sent.hasUnacknowledged) this.#stall.reset();
    if (waitingSinceMs === undefined) return false;
    if (nowMs - Math.max(this.#openedMs, waitingSinceMs, this.#pathSinceMs) >= ResumptionLimit.pathSilentMs) {
      this.#breakPath(new SealaneError('ERR_E2EE_TRUNCATED', 'the peer does not answer', { retryable: true }));
    } else if (sent.hasUnacknowledged) {
      // What the peer had sealed before it resumed carries old acks.
      const isExcused = this.#in.nextNumber < (this.#recovery?.peerAnnounced ?? 0);
      if (this.#stall.tick(nowMs, isExcused) || sent.isStalled) {
        this.abort(AbortCode.PEER_STALLED, new SealaneError('ERR_E2EE_PEER_STALLED'));
      }
    }
    return true;
  }

  /** Records flow on `path` from now on, those that were kept from `replayFrom` on again. */
  attachPath(path: SessionPath, replayFrom?: number): void {
    this.#path = path;
    if (path.relayId !== undefined) this.relayIds.add(path.relayId);
    this.#pathSinceMs = this.#options.clock.nowMs();
    this.#stall.pause();
    this.#out.attach(path, replayFrom);
    this.wake();
  }

  #acknowledge(next: number, nowMs: number): void {
    const isAtBound = !this.#out.hasKeptRoom();
    if (!this.#out.sent.acknowledge(next, nowMs)) return;
    this.#stall.reset();
    this.#recovery?.progress();
    // At the bound of what is kept, the ack is what it waited for.
    if (isAtBound) this.wake();
  }

  #onRecord(record: OpenedRecord, ciphertextBytes: number): void {
    this.recordsReceived += 1;
    this.#openedMs = this.#options.clock.nowMs();
    this.#recovery?.progress();
    const { ack } = this.#out;
    switch (record.type) {
      case RecordType.CONFIRM:
        this.#state = 'open';
        this.#recovery?.account.confirm();
        this.#options.handler.onConfirmed();
        if (this.isEnded) return;
        this.#onFrames(record);
        ack.onRecord(ciphertextBytes, 'urgent');
        return;
      case RecordType.FRAMES:
        ack.onRecord(ciphertextBytes, this.#onFrames(record) ? 'data' : 'quiet');
        return;
      case RecordType.CLOSE:
        this.#onPeerClose(ciphertextBytes);
        return;
      case RecordType.ABORT:
        this.#end(abortError(parseAbort(record.body)));
        return;
      default:
        if (this.#peerClosed) throw new SealaneError('ERR_E2EE_PROTOCOL', 'a record after CLOSE');
        ack.onRecord(ciphertextBytes, record.type === RecordType.PAD ? 'quiet' : 'data');
    }
  }

  /** False for a pure ack. */
  #onFrames({ body }: OpenedRecord): boolean {
    const { ack, frames } = parseFrames(body);
    this.#acknowledge(ack, this.#openedMs);
    if (this.#out.isCloseSealed) this.#finishClose();
    if (frames.length === 0) return false;
    if (this.#peerClosed) throw new SealaneError('ERR_E2EE_PROTOCOL', 'frames after CLOSE');
    if (!this.isEnded) this.mux.receive(frames);
    return true;
  }

  #onPeerClose(ciphertextBytes: number): void {
    if (this.#peerClosed) throw new SealaneError('ERR_E2EE_PROTOCOL', 'a second CLOSE');
    this.#peerClosed = true;
    this.mux.close(closedByPeer);
    this.#options.handler.onChange();
    this.#out.ack.onRecord(ciphertextBytes, 'urgent');
    this.sealClose();
    this.wake();
  }

  /** Both sides have closed, and each knows that the other one knows. */
  #finishClose(): void {
    if (this.#peerClosed && this.#out.isCloseDone) this.#end(undefined);
  }

  /** The path is of no use any more: the session waits for another one, or ends with it. */
  #breakPath(cause: SealaneError): void {
    const recovery = this.#recovery;
    if (recovery === undefined) {
      this.#end(cause);
      return;
    }
    this.#leave()?.reset(ResetCode.GONE);
    this.#out.detach();
    this.#stall.pause();
    if (recovery.suspend(cause)) this.#options.handler.onSuspended(cause);
  }

  #onBroken(cause: unknown): void {
    const { code, error } = brokenBy(cause);
    if (code === AbortCode.INTEGRITY && this.#recovery?.damage() === false) this.#breakPath(error);
    else this.abort(code, error);
  }

  /** With `isTold` the last record on the path says why: it ends after that record. */
  #end(error: SealaneError | undefined, isTold = false): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#closeTimer?.cancel();
    this.#recovery?.stop();
    const lost = error === undefined ? sessionClosed : () => error;
    this.mux.close(lost);
    this.#out.stop(lost);
    // Half a record, which an ended session that is remembered would keep.
    this.#in.restart();
    // An owner still says so, for a while, to a dialer that tries to resume it.
    this.#options.keys.wipe({ keepResumption: this.#recovery !== undefined && this.#options.keys.role === 'owner' });
    const path = this.#leave();
    if (error === undefined || isTold) path?.end();
    else path?.reset(ResetCode.GONE);
    this.#options.handler.onEnd(error);
  }

  #leave(): SessionPath | undefined {
    const path = this.#path;
    this.#path = undefined;
    return path;
  }
}
