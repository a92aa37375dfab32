/** One JSON line of a program. */
export interface ProcessEvent {
  readonly event: string;
  readonly [key: string]: unknown;
}

export interface WaitOptions {
  /** Default 30,000. */
  readonly timeoutMs?: number;
  /** Looks only at events from this index of `events` on. Default 0. */
  readonly from?: number;
}

interface Waiter {
  readonly name: string;
  readonly predicate: (event: ProcessEvent) => boolean;
  resolve(event: ProcessEvent): void;
  reject(error: Error): void;
}

/** Collects JSON lines and wakes who waits for one. Lines that are no JSON object are left out. */
export class EventLog {
  readonly events: ProcessEvent[] = [];
  readonly #describe: () => string;
  readonly #waiters = new Set<Waiter>();
  #partial = '';
  #hasEnded = false;

  constructor(describe: () => string) {
    this.#describe = describe;
  }

  push(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) {
      const event = parseEvent(line);
      if (event !== undefined) this.#add(event);
    }
  }

  end(): void {
    this.#hasEnded = true;
    for (const waiter of this.#waiters) waiter.reject(this.#error(`ended before the event "${waiter.name}"`));
    this.#waiters.clear();
  }

  waitFor(
    name: string,
    predicate: (event: ProcessEvent) => boolean = () => true,
    { timeoutMs = 30_000, from = 0 }: WaitOptions = {},
  ): Promise<ProcessEvent> {
    const found = this.events.slice(from).find((event) => event.event === name && predicate(event));
    if (found !== undefined) return Promise.resolve(found);
    if (this.#hasEnded) return Promise.reject(this.#error(`ended before the event "${name}"`));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(this.#error(`no event "${name}" within ${timeoutMs} ms`));
      }, timeoutMs);
      const waiter: Waiter = {
        name,
        predicate,
        resolve: (event) => {
          clearTimeout(timer);
          resolve(event);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  #add(event: ProcessEvent): void {
    this.events.push(event);
    for (const waiter of this.#waiters) {
      if (event.event !== waiter.name || !waiter.predicate(event)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(event);
    }
  }

  #error(text: string): Error {
    return new Error(`${text}: ${this.#describe()}`);
  }
}

function parseEvent(line: string): ProcessEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'event' in value ? (value as ProcessEvent) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
