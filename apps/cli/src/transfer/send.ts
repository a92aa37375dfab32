import type { SendOptions } from '../commands/send.js';
import { exitAfterFlush } from '../output/exit.js';
import { traceSession } from '../tunnel/trace-session.js';
import { FileSender } from './file-sender.js';
import { openOutgoing } from './outgoing-file.js';
import { runInSessions } from './session-source.js';
import { startTransfer, stopError } from './transfer.js';

/** Sends files to whoever takes the address that it prints, or with --to to whoever printed that one. */
export async function runSend(paths: readonly string[], options: SendOptions): Promise<void> {
  const files = await openOutgoing(paths, options.name);
  const role = { counterpart: 'receive', payloadOnStdout: false, mayReturn: true, waitSeconds: options.wait } as const;
  const { reporter, progress, signal, source } = await startTransfer(options.to, options, role);
  const sender = new FileSender(files, reporter, progress);
  try {
    await runInSessions(source, {
      signal,
      waitMs: options.wait * 1_000,
      run: (connection) => {
        reporter.event({ event: 'connected', peer: connection.peerId, service: '', ...traceSession(connection) });
        return sender.run(connection);
      },
      isResumable: () => sender.isResumable,
      onInterrupted: ({ code, message }) => {
        progress.clear();
        reporter.event({ event: 'status', state: 'interrupted', code, message });
      },
    });
  } catch (error) {
    throw stopError(signal, error);
  } finally {
    progress.clear();
    await source.close();
  }
  await exitAfterFlush(0);
}
