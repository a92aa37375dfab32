import type { Clock, LinkEnd, MessageLink, MessageLinkHandler } from '@sealane/types';

/** What happens to one message on its way; several messages replace it, none drops it. */
export type LinkFault = 'pass' | 'drop' | 'cut' | { readonly deliver: readonly Uint8Array[] };

export interface LinkMessage {
  /** 0 for messages that the first link of the pair sent, 1 for the second. */
  readonly from: 0 | 1;
  /** Counted from 0 per direction. */
  readonly index: number;
  readonly message: Uint8Array;
}

export interface LinkPairOptions {
  /** One-way delay, also as a function that is asked per message; the order is kept. Default 0. */
  readonly delayMs?: number | ((message: LinkMessage) => number);
  /** How fast the platform takes bytes. Default without limit. */
  readonly bytesPerMs?: number;
  /** `onDrain` fires when the queued bytes fall below it. Default 32 KiB. */
  readonly lowMarkBytes?: number;
  /** Asked when the platform takes a message. */
  readonly fault?: (message: LinkMessage) => LinkFault;
}

/** A {@link MessageLink} in memory; everything it does happens through the clock, never inside a call. */
export interface SimulatedLink extends MessageLink {
  /** The platform takes nothing more from this side until `resume`, as with a peer that stopped reading. */
  pause(): void;
  resume(): void;
  readonly hasEnded: boolean;
}

/** Two ends of one link. `aborted` by either side reaches the other after the delay. */
export function createLinkPair(clock: Clock, options: LinkPairOptions = {}): readonly [SimulatedLink, SimulatedLink] {
  const first = new MemoryLink(clock, options, 0);
  const second = new MemoryLink(clock, options, 1);
  first.peer = second;
  second.peer = first;
  return [first, second];
}

type Queued =
  | { readonly kind: 'message'; readonly message: Uint8Array }
  | { readonly kind: 'close'; readonly end: LinkEnd };

class MemoryLink implements SimulatedLink {
  peer: MemoryLink | undefined;
  queuedBytes = 0;
  receivedBytes = 0;
  sentBytes = 0;
  readonly #clock: Clock;
  readonly #options: LinkPairOptions;
  readonly #side: 0 | 1;
  readonly #queue: Queued[] = [];
  readonly #early: (() => void)[] = [];
  #handler: MessageLinkHandler | undefined;
  #state: 'open' | 'closing' | 'ended' = 'open';
  #index = 0;
  #isPaused = false;
  #isTaking = false;
  #wasAboveLowMark = false;
  #lastArrivalMs = 0;

  constructor(clock: Clock, options: LinkPairOptions, side: 0 | 1) {
    this.#clock = clock;
    this.#options = options;
    this.#side = side;
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  start(handler: MessageLinkHandler): void {
    if (this.#handler !== undefined) throw new Error('a link is started once');
    this.#handler = handler;
    for (const event of this.#early.splice(0)) this.#clock.schedule(0, event);
  }

  send(message: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#queue.push({ kind: 'message', message });
    this.queuedBytes += message.length;
    if (this.queuedBytes >= this.#lowMarkBytes) this.#wasAboveLowMark = true;
    this.#take();
  }

  close(code = 1000, reason = ''): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#queue.push({ kind: 'close', end: { clean: true, code, reason } });
    this.#take();
  }

  abort(reason = 'aborted'): void {
    if (this.#state === 'ended') return;
    this.#end({ clean: false, code: 1006, reason });
    this.#arrive(undefined, (peer) => peer.#end({ clean: false, code: 1006, reason: 'the peer is gone' }));
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#take();
  }

  get #lowMarkBytes(): number {
    return this.#options.lowMarkBytes ?? 32_768;
  }

  #take(): void {
    if (this.#isTaking || this.#isPaused || this.#state === 'ended') return;
    const next = this.#queue[0];
    if (next === undefined) return;
    const rate = this.#options.bytesPerMs;
    if (rate === undefined || next.kind === 'close') {
      this.#taken(next);
      return;
    }
    this.#isTaking = true;
    this.#clock.schedule(next.message.length / rate, () => {
      this.#isTaking = false;
      if (this.#state !== 'ended') this.#taken(next);
    });
  }

  #taken(next: Queued): void {
    this.#queue.shift();
    if (next.kind === 'close') {
      this.#arrive(undefined, (peer) => peer.#onPeerClose(next.end));
      return;
    }
    this.queuedBytes -= next.message.length;
    this.sentBytes += next.message.length;
    this.#transmit(next.message);
    if (this.#wasAboveLowMark && this.queuedBytes < this.#lowMarkBytes) {
      this.#wasAboveLowMark = false;
      this.#clock.schedule(0, () => this.#emit((handler) => handler.onDrain()));
    }
    this.#take();
  }

  #transmit(message: Uint8Array): void {
    const sent: LinkMessage = { from: this.#side, index: this.#index++, message };
    const fault = this.#options.fault?.(sent) ?? 'pass';
    if (fault === 'drop') return;
    if (fault === 'cut') {
      this.#clock.schedule(0, () => this.abort('cut'));
      return;
    }
    for (const part of fault === 'pass' ? [message] : fault.deliver) {
      this.#arrive(sent, (peer) => {
        peer.receivedBytes += part.length;
        peer.#emit((handler) => handler.onMessage(part));
      });
    }
  }

  /** Delivery keeps the order even where the delay varies, as a byte stream does. */
  #arrive(sent: LinkMessage | undefined, deliver: (peer: MemoryLink) => void): void {
    const { delayMs = 0 } = this.#options;
    const delay = typeof delayMs === 'number' ? delayMs : sent === undefined ? 0 : delayMs(sent);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#clock.nowMs() + delay);
    this.#clock.schedule(this.#lastArrivalMs - this.#clock.nowMs(), () => {
      if (this.peer !== undefined && !this.peer.hasEnded) deliver(this.peer);
    });
  }

  #onPeerClose(end: LinkEnd): void {
    const answer = this.#state === 'open';
    this.#end(end);
    if (answer) this.#arrive(undefined, (peer) => peer.#end(end));
    else if (this.peer !== undefined) this.peer.#end(end);
  }

  #end(end: LinkEnd): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#queue.length = 0;
    this.queuedBytes = 0;
    const report = (): void => this.#handler?.onEnd(end);
    if (this.#handler === undefined) this.#early.push(report);
    else this.#clock.schedule(0, report);
  }

  #emit(event: (handler: MessageLinkHandler) => void): void {
    if (this.#state === 'ended') return;
    const handler = this.#handler;
    if (handler === undefined) this.#early.push(() => this.#emit(event));
    else event(handler);
  }
}
