import { requireProgram, type SkippableTest } from '@sealane/testkit';
import { type PortServer, startOnFreePort } from './free-port.js';

/** A redis-server of this test alone that keeps everything in memory. */
export async function startRedis(test: SkippableTest, directory: string): Promise<PortServer> {
  const program = requireProgram(test, 'redis-server');
  return await startOnFreePort(
    program,
    (port) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory],
      ...['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'],
    ],
    { ready: /ready to accept connections/i },
  );
}
