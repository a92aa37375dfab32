import net from 'node:net';
import type { Target } from './target.js';

const connectTimeoutMs = 10_000;

/** A connection to the exposed service; the hosts of a bare port are tried in turn. Rejects with the last system error. */
export async function connectTarget(target: Target, signal: AbortSignal): Promise<net.Socket> {
  if (target.kind === 'unix') return await connectOne({ path: target.path }, signal);
  let failure: unknown;
  for (const host of target.hosts) {
    try {
      return await connectOne({ host, port: target.port, noDelay: true }, signal);
    } catch (error) {
      failure = error;
      if (signal.aborted) break;
    }
  }
  throw failure;
}

function connectOne(options: net.NetConnectOpts, signal: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...options, allowHalfOpen: true });
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('error', finish);
      socket.off('connect', onConnect);
      if (error === undefined) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(error);
    };
    const onConnect = (): void => finish();
    const onAbort = (): void => finish(new Error('the stream ended before its target answered'));
    const timer = setTimeout(
      () => finish(new Error(`no answer within ${connectTimeoutMs / 1000} s`)),
      connectTimeoutMs,
    );
    socket.once('connect', onConnect);
    socket.once('error', finish);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
