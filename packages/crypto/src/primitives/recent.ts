/** What was used last, by a key; beyond `limit` what was used longest ago goes. */
export class Recent<T> {
  readonly #entries = new Map<string, T>();
  readonly #limit: number;
  readonly #onDrop: ((value: T) => void) | undefined;

  constructor(limit: number, onDrop?: (value: T) => void) {
    this.#limit = limit;
    this.#onDrop = onDrop;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  clear(): void {
    if (this.#onDrop !== undefined) for (const value of this.#entries.values()) this.#onDrop(value);
    this.#entries.clear();
  }

  /** As the newest. */
  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return;
    for (const [oldest, dropped] of this.#entries) {
      this.#entries.delete(oldest);
      this.#onDrop?.(dropped);
      return;
    }
  }
}
