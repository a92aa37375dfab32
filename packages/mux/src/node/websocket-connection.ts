import type { Socket } from 'node:net';
import {
  WebSocketCloseCode,
  WebSocketOpcode,
  WebSocketReader,
  type WebSocketReaderHandler,
  type WebSocketReaderOptions,
} from '@sealane/protocol/websocket';
import type { LinkEnd, MessageLink, MessageLinkHandler } from '@sealane/types';
import { beginCallback, endCallback } from './callback-end.js';
import { ENOUGH_READS, FULL_READ_BYTES, LargeReads } from './large-reads.js';
import { type WebSocketMask, WebSocketSender } from './websocket-sender.js';

/** What connections have in common; one object serves all of them. From {@link webSocketSettings}. */
export interface WebSocketSettings extends WebSocketReaderOptions {
  /** A client says how it masks; a server sends without and expects masks. */
  readonly mask: WebSocketMask;
  /** `onDrain` comes when the queue falls below this after having been above. */
  readonly lowMarkBytes: () => number;
  /** How long the other side may take to answer a CLOSE. */
  readonly closeWaitMs: number;
}

/** What an owner that counts memory wants to know. */
export interface WebSocketObserver {
  /** The queue towards the socket changed by so many bytes. */
  onQueued?(deltaBytes: number): void;
  /** Bytes that the unfinished message keeps alive, and in how many reads they came. */
  onHeld?(bytes: number, reads: number): void;
  /** The other side broke the rules of the WebSocket. */
  onViolation?(closeCode: number): void;
  /** The socket is closed; the handler is told after this. */
  onOver?(): void;
}

/** A message in more pieces than this holds more memory in bookkeeping than in bytes. */
const MAX_FRAGMENTS = 64;
const MAX_READS = 2_048;

export function webSocketSettings(
  settings: Pick<WebSocketSettings, 'mask' | 'maxMessageBytes' | 'lowMarkBytes' | 'closeWaitMs'>,
): WebSocketSettings {
  return { ...settings, expectsMask: settings.mask === 'none', maxFragments: MAX_FRAGMENTS, maxReads: MAX_READS };
}

/**
 * One end of an open WebSocket (RFC 6455) as a {@link MessageLink}: binary messages, no extensions. What arrives is given
 * out as it was read, what is sent goes to the socket by reference: no copy of a body is made on either way.
 */
export class WebSocketConnection implements MessageLink, WebSocketReaderHandler {
  queuedBytes = 0;
  sentBytes = 0;
  readonly #settings: WebSocketSettings;
  readonly #observer: WebSocketObserver | undefined;
  readonly #socket: Socket;
  readonly #sender: WebSocketSender;
  readonly #reader: WebSocketReader;
  #reads = 0;
  /** Made for a socket that fills a read, or has many. */
  #largeReads: LargeReads | undefined;
  #head: Uint8Array | undefined;
  #handler: MessageLinkHandler | undefined;
  #isCloseSent = false;
  #closedBy: { readonly code: number; readonly reason: string } | undefined;
  #failure: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wasAboveMark = false;

  /** `socket` after the HTTP upgrade; `head` is what was read of it already. */
  constructor(socket: Socket, head: Uint8Array, settings: WebSocketSettings, observer?: WebSocketObserver) {
    this.#settings = settings;
    this.#observer = observer;
    this.#socket = socket;
    this.#head = head;
    this.#sender = new WebSocketSender(socket, settings.mask, (bytes, error) => this.#onWritten(bytes, error));
    this.#reader = new WebSocketReader(settings, this);
    // `errored` says it when the socket closes.
    socket.on('error', ignoreError);
    socket.on('close', () => this.#onSocketClose());
  }

  /** What stands in the kernel and in the socket is read from here on. */
  start(handler: MessageLinkHandler): void {
    this.#handler = handler;
    this.#socket.setTimeout(0);
    if (this.#head !== undefined && this.#head.length > 0) this.#socket.unshift(this.#head);
    this.#head = undefined;
    this.#socket.on('data', (chunk: Uint8Array) => this.#onData(chunk));
    this.#socket.on('end', () => this.#endSocket());
    if (this.#socket.closed) this.#onSocketClose();
  }

  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  send(message: Uint8Array): void {
    this.sendParts([message], message.length);
  }

  sendParts(parts: readonly Uint8Array[], bytes: number, isLast?: boolean): void {
    if (this.#isCloseSent || this.#closedBy !== undefined || !this.#socket.writable) return;
    this.queuedBytes += bytes;
    if (this.queuedBytes >= this.#settings.lowMarkBytes()) this.#wasAboveMark = true;
    this.#observer?.onQueued?.(bytes);
    this.#sender.send(WebSocketOpcode.BINARY, parts, bytes, isLast);
  }

  close(code: number = WebSocketCloseCode.NORMAL, reason = ''): void {
    if (this.#isCloseSent || !this.#socket.writable) return;
    this.#sendClose(code, reason);
    this.#waitForEnd();
  }

  abort(reason = 'ended here'): void {
    this.#failure ??= reason;
    this.#reader.stop();
    this.#socket.destroy();
  }

  #onData(chunk: Uint8Array): void {
    this.#reads += 1;
    if (this.#reads >= ENOUGH_READS || chunk.length >= FULL_READ_BYTES) {
      this.#largeReads ??= new LargeReads(this.#socket, (read) => this.#onRead(read));
      this.#largeReads.sawRead(chunk.length);
    }
    beginCallback();
    try {
      this.#onRead(chunk);
    } finally {
      endCallback();
    }
  }

  #onRead(chunk: Uint8Array): boolean {
    // Not as a Buffer, whose `slice` is no copy: what is kept of a message must not keep all of it.
    this.#reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#observer?.onHeld?.(this.#reader.heldBytes, this.#reader.heldReads);
    return true;
  }

  /** @internal */
  onMessage(parts: Uint8Array[], bytes: number): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    if (parts.length === 1) handler.onMessage(parts[0]!);
    else if (handler.onParts !== undefined) handler.onParts(parts);
    else handler.onMessage(joined(parts, bytes));
  }

  /** @internal */
  onPing(payload: Uint8Array): void {
    // Who pings and does not read gets no queue of answers.
    const waitingBytes = this.#socket.writableLength + this.#sender.pendingBytes;
    if (this.#isCloseSent || waitingBytes >= this.#settings.lowMarkBytes()) return;
    this.#sender.send(WebSocketOpcode.PONG, [payload], payload.length);
  }

  /** @internal */
  onClose(code: number, reason: string): void {
    this.#closedBy = { code, reason };
    if (!this.#isCloseSent) this.#sendClose(code === WebSocketCloseCode.NONE ? WebSocketCloseCode.NORMAL : code, '');
    this.#endSocket();
    this.#waitForEnd();
  }

  /** @internal */
  onViolation(code: number, text: string): void {
    this.#failure ??= text;
    // Who was told to go may say what it likes.
    if (this.#isCloseSent) return;
    this.#observer?.onViolation?.(code);
    this.#sendClose(code, text);
    this.#endSocket();
    this.#waitForEnd();
  }

  #sendClose(code: number, reason: string): void {
    this.#isCloseSent = true;
    const text = Buffer.from(reason).subarray(0, MAX_REASON_BYTES);
    const payload = Buffer.concat([Buffer.of(code >>> 8, code & 0xff), text]);
    this.#sender.send(WebSocketOpcode.CLOSE, [payload], payload.length);
    // The socket may be destroyed in the same turn: then this is still said.
    this.#sender.flush();
  }

  /** After what was sent in this callback. */
  #endSocket(): void {
    this.#sender.flush();
    this.#socket.end();
  }

  #waitForEnd(): void {
    this.#timer ??= setTimeout(() => this.#socket.destroy(), this.#settings.closeWaitMs);
  }

  #onWritten(bytes: number, error: Error | null | undefined): void {
    // Answers to pings are not counted.
    if (bytes === 0) return;
    this.queuedBytes -= bytes;
    this.#observer?.onQueued?.(-bytes);
    if (error) return;
    this.sentBytes += bytes;
    if (!this.#wasAboveMark || this.queuedBytes >= this.#settings.lowMarkBytes()) return;
    this.#wasAboveMark = false;
    this.#handler?.onDrain();
  }

  #onSocketClose(): void {
    clearTimeout(this.#timer);
    this.#reader.stop();
    const handler = this.#handler;
    this.#handler = undefined;
    const failure = this.#failure ?? this.#socket.errored?.message;
    this.#observer?.onOver?.();
    const { code, reason } = this.#closedBy ?? { code: WebSocketCloseCode.ABNORMAL, reason: '' };
    const end: LinkEnd = {
      clean: this.#closedBy !== undefined && failure === undefined,
      code,
      reason: reason || (failure ?? ''),
    };
    handler?.onEnd(end);
  }
}

function ignoreError(): undefined {
  return undefined;
}

/** A CLOSE has 125 bytes, and its code takes two. */
const MAX_REASON_BYTES = 123;

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const message = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    message.set(part, offset);
    offset += part.length;
  }
  return message;
}
