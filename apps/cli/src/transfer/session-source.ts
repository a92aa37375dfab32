import type { RelayClient, SecureConnection } from '@sealane/client';
import { isSealaneError, SealaneError } from '@sealane/types';
import { classifyFailure } from '../tunnel/failure.js';

/** Where the sessions with the one other side come from: who printed the address waits for them, the other one dials. */
export interface SessionSource {
  /** The first session, or after an interruption the next one with the same peer. */
  next(signal: AbortSignal): Promise<SecureConnection>;
  /** Resolves when the relay has read what was said last, or after a while. */
  settle(): Promise<void>;
  /** Ends everything; `abort` tells a peer that is still there. */
  close(): Promise<void>;
}

/** The relay shall have read our last words before our socket is gone, but a dead one is not waited for. */
const SETTLE_MS = 3_000;
/** The first question may overtake what was said before it; when its answer is here, all of that has left. */
const SETTLE_QUESTIONS = 2;

/** Asks the relay in turn, over the link that the session uses. */
export async function settleLink(client: RelayClient): Promise<void> {
  const signal = AbortSignal.timeout(SETTLE_MS);
  for (let question = 0; question < SETTLE_QUESTIONS; question += 1) {
    await client.lookup(client.id, '', { signal }).catch(() => undefined);
  }
}

export interface SessionRun {
  readonly signal: AbortSignal;
  /** How long an interrupted other side may take to come back. */
  readonly waitMs: number;
  /** What is done in one session. Called again with another one after an interruption. */
  readonly run: (connection: SecureConnection) => Promise<void>;
  /** False when nothing can go on after an interruption. */
  readonly isResumable: () => boolean;
  readonly onInterrupted: (error: SealaneError) => void;
}

/** Runs in one session after another until it is done, or fails for good. The peer is told of a failure of ours. */
export async function runInSessions(source: SessionSource, options: SessionRun): Promise<void> {
  const { signal, waitMs, run } = options;
  let connection = await source.next(signal);
  for (;;) {
    try {
      await runAborted(connection, signal, run);
      await connection.close();
      return;
    } catch (error) {
      if (!isInterruption(error) || waitMs === 0 || signal.aborted || !options.isResumable()) {
        await giveUp(source, connection, error);
        throw error;
      }
      connection.abort(new SealaneError('ERR_E2EE_TRUNCATED'));
      // Its session has waited for it already, for as long.
      if (connection.isResumable && error.code === 'ERR_E2EE_TRUNCATED') throw notBack(waitMs, error);
      options.onInterrupted(error);
      connection = await nextWithin(source, signal, waitMs, error);
    }
  }
}

/** The session was lost under us, and nobody meant it. */
function isInterruption(error: unknown): error is SealaneError {
  return isSealaneError(error) && error.code !== 'ERR_E2EE_ABORTED' && classifyFailure(error) === 'passing';
}

async function runAborted(
  connection: SecureConnection,
  signal: AbortSignal,
  run: (connection: SecureConnection) => Promise<void>,
): Promise<void> {
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(stoppedError());
  });
  if (signal.aborted) stop?.();
  signal.addEventListener('abort', stop!, { once: true });
  try {
    await Promise.race([run(connection), stopped]);
  } finally {
    signal.removeEventListener('abort', stop!);
    stopped.catch(() => undefined);
  }
}

async function giveUp(source: SessionSource, connection: SecureConnection, error: unknown): Promise<void> {
  // A refusal was already said on its stream: the peer ends the session when it has read it.
  const wasSaid = isSealaneError(error) && error.details['said'] === true;
  const ended = connection.closed.catch(() => undefined);
  if (wasSaid) await Promise.race([ended, pause(2_000)]);
  connection.abort(new SealaneError('ERR_ABORTED'));
  await source.settle();
}

async function nextWithin(
  source: SessionSource,
  signal: AbortSignal,
  waitMs: number,
  interruption: SealaneError,
): Promise<SecureConnection> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
  try {
    return await source.next(limit);
  } catch (error) {
    if (signal.aborted) throw stoppedError();
    if (!limit.aborted) throw error;
    throw notBack(waitMs, interruption);
  }
}

function notBack(waitMs: number, cause: SealaneError): SealaneError {
  const message = `the other side was lost and did not come back within ${waitMs / 1_000} s: ${cause.message}`;
  return new SealaneError(cause.code, message, { cause, details: { advised: true } });
}

export function stoppedError(): SealaneError {
  return new SealaneError('ERR_ABORTED', 'stopped by a signal');
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
