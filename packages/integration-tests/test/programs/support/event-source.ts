import http from 'node:http';

/** Sends event `number` of a stream of events; the text is all that a client needs to compare. */
export function eventText(number: number): string {
  const lines = Array.from({ length: 1 + (number % 3) }, (_, line) => `data: event ${number} line ${line}\n`);
  return `id: ${number}\nevent: tick\n${lines.join('')}\n`;
}

export interface EventStreamOptions {
  readonly events: number;
  readonly intervalMs: number;
}

/**
 * A server of server-sent events. After `intervalMs` it sends the next one, but never before the client has told that it
 * saw the one before (`seen`): a stream that is held back anywhere on the way stands still instead of arriving at its end.
 */
export class EventSourceServer {
  readonly server: http.Server;
  /** Clients that went away before their last event. */
  gone = 0;
  readonly #waiting = new Map<string, (number: number) => void>();

  constructor(options: EventStreamOptions) {
    this.server = http.createServer((request, response) => {
      const name = request.url ?? '';
      response.sendDate = false;
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      let next = 0;
      const timers = new Set<NodeJS.Timeout>();
      const send = (): void => {
        if (next === options.events) {
          this.#waiting.delete(name);
          response.end();
        } else response.write(eventText(next));
      };
      this.#waiting.set(name, (number) => {
        if (number !== next) throw new Error(`${name} saw event ${number} instead of ${next}`);
        next++;
        const timer = setTimeout(send, options.intervalMs);
        timers.add(timer);
      });
      response.once('close', () => {
        for (const timer of timers) clearTimeout(timer);
        if (next < options.events) this.gone++;
        this.#waiting.delete(name);
      });
      send();
    });
  }

  /** The client of `/name` saw this event whole. */
  seen(name: string, number: number): void {
    this.#waiting.get(name)?.(number);
  }
}

/** Takes what arrived so far apart: the numbers of all whole events. */
export function wholeEvents(text: string): number[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((event) => Number(/^id: (\d+)\n/.exec(event)?.[1]));
}
