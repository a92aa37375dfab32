import { once } from 'node:events';
import {
  collect,
  connectTo,
  type Received,
  seededChunks,
  startServer,
  type Target,
  type TestServer,
  writeAll,
} from '@sealane/testkit';

export const upSeed = 11;
export const downSeed = 12;

/** A backend that sends `bytes` seeded bytes to its one client and hashes what it gets, both at once. */
export async function startBothWaysServer(
  bytes: number,
): Promise<{ readonly server: TestServer; readonly received: Promise<Received> }> {
  let resolve: (received: Received) => void = () => undefined;
  const received = new Promise<Received>((settle) => {
    resolve = settle;
  });
  const server = await startServer((socket) => {
    void collect(socket).then(resolve);
    void writeAll(socket, seededChunks(downSeed, bytes)).then(
      () => socket.end(),
      () => socket.destroy(),
    );
  });
  return { server, received };
}

/** The client's half of a transfer in both directions, and when its bytes came. */
export class BothWaysClient {
  receivedBytes = 0;
  readonly received: Promise<Received>;
  #lastMs: number = performance.now();
  readonly #gaps: { readonly fromMs: number; readonly toMs: number }[] = [];
  #waiting: (() => void)[] = [];
  #isClosed = false;

  private constructor(socket: Awaited<ReturnType<typeof connectTo>>, bytes: number) {
    this.received = collect(socket, (chunk) => this.#onChunk(chunk), { readsByCall: true });
    const sent = writeAll(socket, seededChunks(upSeed, bytes)).then(() => socket.end());
    // What it could not send shows at the backend, and the reset here.
    sent.catch(() => undefined);
    void once(socket, 'close').then(() => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  static async start(target: Target, bytes: number): Promise<BothWaysClient> {
    return new BothWaysClient(await connectTo(target), bytes);
  }

  /** Resolves once so many bytes have come. */
  async until(bytes: number): Promise<void> {
    while (this.receivedBytes < bytes) await this.#more();
  }

  /** Milliseconds from `sinceMs` to the first byte after it. */
  async firstByteAfter(sinceMs: number): Promise<number> {
    while (this.#lastMs < sinceMs) await this.#more();
    const gap = this.#gaps.find(({ toMs }) => toMs >= sinceMs);
    return (gap?.toMs ?? this.#lastMs) - sinceMs;
  }

  /** The longest time without a byte that ended after `sinceMs`; what was before it does not count. */
  longestGapMs(sinceMs: number): number {
    return Math.max(0, ...this.#gaps.map(({ fromMs, toMs }) => toMs - Math.max(fromMs, sinceMs)));
  }

  #more(): Promise<void> {
    if (this.#isClosed) throw new Error(`the connection closed after ${this.receivedBytes} bytes`);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #onChunk(chunk: Uint8Array): void {
    const nowMs = performance.now();
    // Only what could be a pause is kept.
    if (nowMs - this.#lastMs > 20) this.#gaps.push({ fromMs: this.#lastMs, toMs: nowMs });
    this.#lastMs = nowMs;
    this.receivedBytes += chunk.length;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
