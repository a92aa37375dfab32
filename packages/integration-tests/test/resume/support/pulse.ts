import type net from 'node:net';
import { connectTo, startEchoServer, type Target, type TestServer } from '@sealane/testkit';

/** Default time between two numbers. */
const defaultEveryMs = 10;

/** The backend of a {@link Pulse}. */
export function startPulseServer(): Promise<TestServer> {
  return startEchoServer();
}

/**
 * A connection that sends a number every few milliseconds and gets each one back, in order. What it waits for an answer is what a
 * program would see of a pause.
 */
export class Pulse implements AsyncDisposable {
  readonly #socket: net.Socket;
  readonly #everyMs: number;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #received = 0;
  #partial: Buffer = Buffer.alloc(0);
  #lastMs: number = performance.now();
  #gaps: { readonly fromMs: number; readonly toMs: number }[] = [];
  #error: Error | undefined;

  private constructor(socket: net.Socket, everyMs: number) {
    this.#socket = socket;
    this.#everyMs = everyMs;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.once('error', (error) => this.#fail(error));
    socket.once('end', () => this.#fail(new Error('the connection ended')));
    this.#timer = setInterval(() => this.#send(), everyMs);
  }

  /** Resolves with the first answer. */
  static async start(target: Target, everyMs: number = defaultEveryMs): Promise<Pulse> {
    const pulse = new Pulse(await connectTo(target), everyMs);
    await pulse.next();
    return pulse;
  }

  get answers(): number {
    return this.#received;
  }

  /** Waits for an answer to what is sent from now on. Rejects when the connection is over, or an answer is wrong. */
  async next(timeoutMs = 70_000): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    const wanted = this.#sent + 1;
    while (this.#received < wanted) {
      if (this.#error !== undefined) throw this.#error;
      if (performance.now() > untilMs) throw new Error(`no answer for ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, this.#everyMs));
    }
  }

  /** Waits until answers come and have come for a while, then the longest time without one that ended after `sinceMs`. */
  async pauseSince(sinceMs: number): Promise<number> {
    await this.next();
    const gaps = this.#gaps.filter(({ toMs }) => toMs > sinceMs);
    return Math.max(0, ...gaps.map(({ fromMs, toMs }) => toMs - Math.max(fromMs, sinceMs)));
  }

  /** Ends in order: every number has come back. */
  async finish(): Promise<void> {
    await this.next();
    clearInterval(this.#timer);
    const wanted = this.#sent;
    this.#socket.removeAllListeners('end');
    this.#socket.end();
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('close', () => resolve());
      this.#socket.once('error', reject);
    });
    if (this.#error !== undefined) throw this.#error;
    if (this.#received !== wanted) throw new Error(`${wanted} numbers sent, ${this.#received} came back`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #send(): void {
    if (this.#socket.destroyed) return;
    const number = Buffer.alloc(8);
    number.writeDoubleBE(this.#sent++);
    this.#socket.write(number);
  }

  #onData(chunk: Buffer): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastMs > 2 * this.#everyMs) this.#gaps.push({ fromMs: this.#lastMs, toMs: nowMs });
    this.#lastMs = nowMs;
    this.#partial = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk]);
    while (this.#partial.length >= 8) {
      const number = this.#partial.readDoubleBE(0);
      this.#partial = this.#partial.subarray(8);
      if (number !== this.#received) this.#fail(new Error(`${number} came back instead of ${this.#received}`));
      this.#received++;
    }
  }

  #fail(error: Error): void {
    this.#error ??= error;
    clearInterval(this.#timer);
  }
}
