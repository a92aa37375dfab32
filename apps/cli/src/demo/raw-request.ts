import net from 'node:net';
import { SealaneError } from '@sealane/types';

const maxResponseBytes = 1_048_576;
const limitMs = 15_000;

export interface RawExchange {
  readonly request: Buffer;
  readonly response: Buffer;
}

/** One HTTP request over a socket of its own, so that its exact bytes are at hand. */
export function requestRaw(host: string, port: number, path: string): Promise<RawExchange> {
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n`);
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port });
    const chunks: Buffer[] = [];
    let bytes = 0;
    socket.setTimeout(limitMs, () =>
      socket.destroy(new SealaneError('ERR_SYSTEM', 'the demo page did not answer in time')),
    );
    socket.once('error', reject);
    socket.once('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes > maxResponseBytes) socket.destroy(new SealaneError('ERR_SYSTEM', 'the demo page is too large'));
      chunks.push(chunk);
    });
    socket.once('end', () => resolve({ request, response: Buffer.concat(chunks) }));
  });
}
