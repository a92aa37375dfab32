import net from 'node:net';
import { pipeSocketOptions } from '@sealane/client/node';
import type { Target } from './target.js';

const connectTimeoutMs = 10_000;

/**
 * A connection to the exposed service; the hosts of a bare port are tried in turn. Rejects with the last system error.
 * There is no way to give up earlier: a connection that is closed while it is made can look like an end to the service,
 * where the peer reset it.
 */
export async function connectTarget(target: Target): Promise<net.Socket> {
  if (target.kind === 'unix') return await connectOne({ path: target.path });
  let failure: unknown;
  for (const host of target.hosts) {
    try {
      return await connectOne({ host, port: target.port, noDelay: true });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function connectOne(options: net.NetConnectOpts): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...options, ...pipeSocketOptions });
    const finish = (error?: Error): void => {
      clearTimeout(timer);
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
    const timer = setTimeout(
      () => finish(new Error(`no answer within ${connectTimeoutMs / 1000} s`)),
      connectTimeoutMs,
    );
    socket.once('connect', onConnect);
    socket.once('error', finish);
  });
}
