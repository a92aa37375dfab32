import { createReadStream, createWriteStream, fstatSync } from 'node:fs';
import net from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { SecureStream } from '@sealane/client';
import { toDuplex } from '@sealane/client/node';
import { SealaneError } from '@sealane/types';

/**
 * Joins a stream to standard input and output until both directions ended. Rejects when the stream ended without its
 * authenticated end, or when nobody takes our output any more: then what was written is not all there is.
 */
export async function pipeStdio(stream: SecureStream): Promise<void> {
  const duplex = toDuplex(stream);
  const input = openInput();
  const output = openOutput();
  await new Promise<void>((resolve, reject) => {
    let open = 2;
    let failed = false;
    const fail = (error: Error): void => {
      if (failed) return;
      failed = true;
      duplex.destroy();
      input.destroy();
      reject(error);
    };
    const finishOne = (): void => {
      open -= 1;
      if (open === 0 && !failed) resolve();
    };
    duplex.once('error', fail);
    duplex.once('finish', finishOne);
    duplex.once('close', () => {
      if (!duplex.readableEnded || !duplex.writableFinished) fail(new SealaneError('ERR_E2EE_TRUNCATED'));
    });
    input.once('error', (error) => {
      stream.abort(error);
      fail(new SealaneError('ERR_SYSTEM', `standard input failed: ${error.message}`, { cause: error }));
    });
    output.once('error', (error) => {
      stream.abort(error);
      fail(new SealaneError('ERR_SYSTEM', `standard output failed: ${error.message}`, { cause: error }));
    });
    input.pipe(duplex);
    duplex.pipe(output, { end: false });
    duplex.once('end', () => {
      endOutput(output, finishOne);
    });
  });
}

/** The reader of our output must see its end, which Node's own process.stdout never gives. */
function endOutput(output: Writable, onEnded: () => void): void {
  if (output === process.stdout) {
    output.write('', onEnded);
    return;
  }
  output.end(() => {
    if (output instanceof net.Socket) output.destroy();
    onEnded();
  });
}

function openInput(): Readable {
  const kind = fstatSync(0);
  if (kind.isFile()) return createReadStream('', { fd: 0, autoClose: false });
  return process.stdin;
}

/** Standard output that never holds up the program: Node's own waits inside a write while nobody reads a pipe. */
export function openOutput(): Writable {
  const kind = fstatSync(1);
  if (kind.isFIFO() || kind.isSocket()) return new net.Socket({ fd: 1, readable: false, writable: true });
  if (kind.isFile()) return createWriteStream('', { fd: 1, autoClose: false });
  return process.stdout;
}
