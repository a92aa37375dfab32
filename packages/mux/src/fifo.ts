/** Lists without items share it: idle links have a dozen of them. */
const none: never[] = [];

/** A first-in-first-out list whose operations cost the same at any length. */
export class Fifo<T> {
  #items: T[] = none;
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** A list without items has no item -1 either, but the engine would look for one by name. */
  get last(): T | undefined {
    const { length } = this.#items;
    return length === 0 ? undefined : this.#items[length - 1];
  }

  push(item: T): void {
    if (this.#items === none) this.#items = [item];
    else this.#items.push(item);
  }

  replaceFirst(item: T): void {
    this.#items[this.#head] = item;
  }

  replaceLast(item: T): void {
    this.#items[this.#items.length - 1] = item;
  }

  shift(): T | undefined {
    // Not `length = 0`: the engine leaves compiled code for it.
    if (this.#head === 0 && this.#items.length === 1) return this.#items.pop();
    const item = this.#items[this.#head];
    this.#head += 1;
    if (this.#head >= this.#items.length) {
      this.clear();
    } else if (this.#head >= 64 && this.#head * 2 >= this.#items.length) {
      // Moving at most half of the list after as many shifts keeps the cost per item constant.
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    } else {
      // The place must not keep what was taken alive.
      this.#items[this.#head - 1] = undefined as T;
    }
    return item;
  }

  clear(): void {
    this.#items = none;
    this.#head = 0;
  }
}
