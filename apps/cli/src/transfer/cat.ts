import type { SecureConnection, SecureStream } from '@sealane/client';
import type { CatOptions } from '../commands/cat.js';
import { exitAfterFlush } from '../output/exit.js';
import { pipeStdio } from '../tunnel/stdio.js';
import { traceSession } from '../tunnel/trace-session.js';
import { runInSessions } from './session-source.js';
import { startTransfer, stopError } from './transfer.js';
import { broken } from './transfer-protocol.js';

const LABEL = 'cat';

/** Joins standard input and output of two programs, each direction with its own end. */
export async function runCat(addressText: string | undefined, options: CatOptions): Promise<void> {
  const role = { counterpart: 'cat', payloadOnStdout: true, mayReturn: false, waitSeconds: options.resume } as const;
  const { reporter, signal, source } = await startTransfer(addressText, options, role);
  try {
    await runInSessions(source, {
      signal,
      waitMs: 0,
      run: async (connection) => {
        reporter.event({ event: 'connected', peer: connection.peerId, service: '', ...traceSession(connection) });
        const isDialer = addressText !== undefined;
        await pipeStdio(isDialer ? connection.openStreamNow({ label: LABEL }) : await firstStream(connection));
      },
      isResumable: () => false,
      onInterrupted: () => undefined,
    });
  } catch (error) {
    throw stopError(signal, error);
  } finally {
    await source.close();
  }
  await exitAfterFlush(0);
}

async function firstStream(connection: SecureConnection): Promise<SecureStream> {
  const { value, done } = await connection[Symbol.asyncIterator]().next();
  if (done !== true) return value;
  await connection.closed;
  throw broken('it opened no stream');
}
