/** Values that arrive one by one, for `for await`. The one who pushes bounds it. */
export class AsyncQueue<T> {
  readonly #values: T[] = [];
  readonly #waiting: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void }[] = [];
  #end: { readonly error: unknown } | undefined;
  #hasEnded = false;

  get length(): number {
    return this.#values.length;
  }

  /** False when nobody will ever read it. */
  push(value: T): boolean {
    if (this.#hasEnded) return false;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.resolve({ value, done: false });
    else this.#values.push(value);
    return true;
  }

  /** What was pushed can still be read; then iteration ends, or throws `error`. Idempotent. */
  end(error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (error !== undefined) this.#end = { error };
    for (const waiting of this.#waiting.splice(0)) {
      if (this.#end === undefined) waiting.resolve({ value: undefined, done: true });
      else waiting.reject(this.#end.error);
    }
  }

  /** Ends it and gives back what nobody read. */
  drop(): T[] {
    this.end();
    return this.#values.splice(0);
  }

  next(): Promise<IteratorResult<T>> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#hasEnded) {
      if (this.#end === undefined) return Promise.resolve({ value: undefined, done: true });
      const { error } = this.#end;
      this.#end = undefined;
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }
}
