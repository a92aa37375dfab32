import type { ReceiveOptions } from '../commands/receive.js';
import { exitAfterFlush } from '../output/exit.js';
import { traceSession } from '../tunnel/trace-session.js';
import { FileReceiver } from './file-receiver.js';
import { runInSessions } from './session-source.js';
import { startTransfer, stopError } from './transfer.js';

/** Receives files from whoever printed the address, or without one prints an address for whoever wants to send. */
export async function runReceive(addressText: string | undefined, options: ReceiveOptions): Promise<void> {
  const role = {
    counterpart: 'send',
    payloadOnStdout: options.output === '-',
    mayReturn: true,
    waitSeconds: options.wait,
  } as const;
  const { reporter, progress, signal, source } = await startTransfer(addressText, options, role);
  const sinks = { output: options.output, force: options.force === true };
  const receiver = new FileReceiver(sinks, reporter, progress);
  try {
    await runInSessions(source, {
      signal,
      waitMs: options.wait * 1_000,
      run: (connection) => {
        reporter.event({ event: 'connected', peer: connection.peerId, service: '', ...traceSession(connection) });
        return receiver.run(connection);
      },
      isResumable: () => true,
      onInterrupted: ({ code, message }) => {
        progress.clear();
        reporter.event({ event: 'status', state: 'interrupted', code, message });
      },
    });
  } catch (error) {
    if (!receiver.isComplete) throw stopError(signal, error);
    reporter.event({ event: 'warning', message: 'everything is here and right, but the sender may not know it' });
  } finally {
    progress.clear();
    await receiver.discard();
    await source.close();
  }
  await exitAfterFlush(0);
}
