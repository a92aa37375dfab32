export interface StreamedEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads Server-Sent Events as a browser does. */
export class EventStream {
  readonly events: StreamedEvent[] = [];
  readonly ended: Promise<void>;
  readonly response: Response;
  readonly #controller: AbortController;

  private constructor(response: Response, controller: AbortController) {
    this.response = response;
    this.#controller = controller;
    this.ended = this.#read().catch(() => undefined);
  }

  /** @throws Error with the status of a refusal */
  static async open(url: string, token: string, headers: Readonly<Record<string, string>> = {}): Promise<EventStream> {
    const controller = new AbortController();
    const response = await fetch(url, {
      headers: { Authorization: `Bearer ${token}`, ...headers },
      signal: controller.signal,
    });
    if (!response.ok) throw new Error(`refused ${response.status} ${await response.text()}`);
    return new EventStream(response, controller);
  }

  kinds(): readonly string[] {
    return this.events.map(({ event }) => event);
  }

  close(): void {
    this.#controller.abort();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of this.response.body as unknown as AsyncIterable<Uint8Array>) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
      fields.set(name, value);
    }
    const data = fields.get('data');
    if (data === undefined) return;
    this.events.push({ id: fields.get('id'), event: fields.get('event') ?? 'message', data: JSON.parse(data) });
  }
}
