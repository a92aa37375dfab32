import type { LinkEnd, MessageLink, MessageLinkHandler } from '@sealane/types';

const LOW_MARK_BYTES = 65_536;
/** Browsers tell no drain, so the queue is looked at while it is above the mark, and only then. */
const DRAIN_LOOK_MS = 4;
/** A browser takes these close codes from a program, and no others. */
const FIRST_PRIVATE_CODE = 3_000;
const LAST_PRIVATE_CODE = 4_999;
/** RFC 6455, section 5.5: a close frame's body has at most 125 bytes, of which two are the code. */
const MAX_REASON_BYTES = 123;

/** An open WebSocket of a browser as a message link. */
export class BrowserLink implements MessageLink {
  receivedBytes = 0;
  readonly #socket: WebSocket;
  readonly #maxMessageBytes: number;
  #handler: MessageLinkHandler | undefined;
  #early: Uint8Array[] = [];
  #acceptedBytes = 0;
  #end: LinkEnd | undefined;
  #isAboveMark = false;

  constructor(socket: WebSocket, maxMessageBytes: number) {
    this.#socket = socket;
    this.#maxMessageBytes = maxMessageBytes;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', (event) => this.#onMessage(event.data));
    socket.addEventListener('close', ({ wasClean, code, reason }) => {
      this.#finish({ clean: wasClean, code, reason: reason || 'the connection was closed' });
    });
  }

  get queuedBytes(): number {
    return this.#end === undefined ? this.#socket.bufferedAmount : 0;
  }

  get sentBytes(): number {
    return this.#acceptedBytes - this.queuedBytes;
  }

  start(handler: MessageLinkHandler): void {
    this.#handler = handler;
    for (const message of this.#early.splice(0)) handler.onMessage(message);
    if (this.#end !== undefined) handler.onEnd(this.#end);
  }

  send(message: Uint8Array): void {
    const socket = this.#socket;
    if (this.#end !== undefined || socket.readyState !== socket.OPEN) return;
    this.#acceptedBytes += message.length;
    socket.send(message as Uint8Array<ArrayBuffer>);
    if (this.#isAboveMark || socket.bufferedAmount <= LOW_MARK_BYTES) return;
    this.#isAboveMark = true;
    this.#lookLater();
  }

  close(code = 1000, reason = ''): void {
    const isAllowed = code === 1000 || (code >= FIRST_PRIVATE_CODE && code <= LAST_PRIVATE_CODE);
    // Any other code, or a longer reason, would be an exception instead of a close.
    if (isAllowed) this.#socket.close(code, cutText(reason));
    else this.#socket.close();
  }

  /** The close handshake of a dead connection takes a browser a minute; for us it is over now. */
  abort(reason = 'ended here'): void {
    this.#socket.close();
    this.#finish({ clean: false, code: 1006, reason });
  }

  #onMessage(data: unknown): void {
    if (this.#end !== undefined) return;
    if (!(data instanceof ArrayBuffer)) {
      this.abort('the relay sent text');
      return;
    }
    if (data.byteLength > this.#maxMessageBytes) {
      this.abort('the relay sent more than a message may hold');
      return;
    }
    const message = new Uint8Array(data);
    this.receivedBytes += message.length;
    // A page in the background gets its timers late, but its messages in time.
    if (this.#isAboveMark) this.#look();
    if (this.#handler === undefined) this.#early.push(message);
    else this.#handler.onMessage(message);
  }

  #lookLater(): void {
    setTimeout(() => {
      if (this.#end === undefined && this.#isAboveMark && !this.#look()) this.#lookLater();
    }, DRAIN_LOOK_MS);
  }

  #look(): boolean {
    if (this.#socket.bufferedAmount > LOW_MARK_BYTES) return false;
    this.#isAboveMark = false;
    this.#handler?.onDrain();
    return true;
  }

  #finish(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#handler?.onEnd(end);
  }
}

/** At most the bytes that a close frame has room for, and whole characters. */
function cutText(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_REASON_BYTES));
  return text.slice(0, read);
}
