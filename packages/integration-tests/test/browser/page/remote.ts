import type { PageProgram } from './program.js';

/** A call that goes to a worker, and how it comes back. */
export interface Call {
  readonly number: number;
  readonly method: keyof PageProgram;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly number: number; readonly value: unknown }
  | { readonly number: number; readonly error: string };

/** What a port of a worker has, whichever kind it is. */
export interface Port {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** Answers calls on `port` with `program`. */
export function serveCalls(port: Port, program: PageProgram): void {
  port.onmessage = (event) => {
    const { number, method, args } = event.data as Call;
    const run = program[method] as (...args: readonly unknown[]) => Promise<unknown>;
    run(...args).then(
      (value) => port.postMessage({ number, value } satisfies Answer),
      (error: unknown) => port.postMessage({ number, error: describe(error) } satisfies Answer),
    );
  };
}

/** The program behind `port`. */
export function callRemote(port: Port): PageProgram {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  port.onmessage = (event) => {
    const answer = event.data as Answer;
    const call = waiting.get(answer.number);
    waiting.delete(answer.number);
    if ('error' in answer) call?.reject(new Error(answer.error));
    else call?.resolve(answer.value);
  };
  return new Proxy({} as PageProgram, {
    get:
      (_, method: keyof PageProgram) =>
      (...args: unknown[]) =>
        new Promise((resolve, reject) => {
          last += 1;
          waiting.set(last, { resolve, reject });
          port.postMessage({ number: last, method, args } satisfies Call);
        }),
  });
}

/** Code and text, since a test sees nothing else of an error in a page. */
export function describe(error: unknown): string {
  const { code = 'no code', message = String(error) } = error as { code?: string; message?: string };
  return `${code}: ${message}`;
}
