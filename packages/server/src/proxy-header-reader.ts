import type { Socket } from 'node:net';
import type { Clock } from '@sealane/types';
import { type ProxyHeader, parseProxyHeader } from './proxy-protocol.js';

/**
 * Takes the PROXY header off a new connection; what came behind it is put back. Calls `onHeader` once, or `onFailure`
 * if there is no such header within the time, with the reason unless the connection just ended; if the socket closes
 * before, neither.
 */
export function readProxyHeader(
  socket: Socket,
  options: {
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly onHeader: (header: ProxyHeader) => void;
    readonly onFailure: (reason: string | undefined) => void;
  },
): void {
  let received: Buffer = Buffer.alloc(0);
  const finish = (): void => {
    timer.cancel();
    socket.off('readable', onReadable);
    socket.off('end', onEnd);
    socket.off('close', finish);
    socket.off('error', onError);
  };
  const fail = (reason?: string): void => {
    finish();
    options.onFailure(reason);
  };
  // It is destroyed by itself.
  const onError = (): void => undefined;
  const onEnd = (): void => fail();
  const onReadable = (): void => {
    try {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        // Throws long before what was received is large: a header is 2 KiB at most.
        const header = parseProxyHeader(received);
        if (header === undefined) continue;
        finish();
        if (received.length > header.bytes) socket.unshift(received.subarray(header.bytes));
        options.onHeader(header);
        return;
      }
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  };
  const timer = options.clock.schedule(options.timeoutMs, () => fail('no PROXY header in time'));
  socket.on('readable', onReadable);
  socket.once('end', onEnd);
  socket.once('close', finish);
  socket.on('error', onError);
}
