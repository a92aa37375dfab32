import { writeSync, write as writeWithCallback } from 'node:fs';
import { promisify } from 'node:util';
import type { Terminal } from './live-screen.js';
import type { ViewSize } from './render-view.js';

const write = promisify(writeWithCallback);
const standardOutput = 1;
const retryMs = 20;
const retriesNow = 25;

/**
 * The terminal at standard output. Node's own stream waits for it with the whole program: a person who stops the
 * terminal (Ctrl-S) would stop every connection. Here a thread waits.
 */
export class TtyTerminal implements Terminal {
  size(): ViewSize {
    const { columns, rows } = process.stdout;
    return { columns: columns || 80, rows: rows || 24 };
  }

  async write(text: string): Promise<void> {
    let bytes = Buffer.from(text);
    while (bytes.length > 0) {
      try {
        const { bytesWritten } = await write(standardOutput, bytes);
        bytes = bytes.subarray(bytesWritten);
      } catch (error) {
        // A terminal that is gone takes no more; the hang-up signal ends the program.
        if (!isFull(error)) return;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  writeNow(text: string): void {
    let bytes = Buffer.from(text);
    for (let full = 0; bytes.length > 0 && full < retriesNow; ) {
      try {
        bytes = bytes.subarray(writeSync(standardOutput, bytes));
      } catch (error) {
        if (!isFull(error)) return;
        full += 1;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
      }
    }
  }
}

function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}
