import {
  applyWebSocketMask,
  WEBSOCKET_CONTROL_BYTES,
  WEBSOCKET_HEADER_MAX_BYTES,
  WEBSOCKET_MASK_BYTES,
  WebSocketOpcode,
} from './websocket-header.js';

/** Close codes that a reader finds reasons for (RFC 6455 section 7.4.1). */
export const WebSocketCloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL: 1002,
  UNSUPPORTED: 1003,
  /** Never sent: a CLOSE without a code. */
  NONE: 1005,
  /** Never sent: the connection ended without a CLOSE. */
  ABNORMAL: 1006,
  INVALID_TEXT: 1007,
  POLICY: 1008,
  TOO_LARGE: 1009,
} as const;

/** Where headers are read that come in one piece. An idle reader has no memory of its own: a relay has thousands. */
const scratch = new Uint8Array(WEBSOCKET_HEADER_MAX_BYTES);
/** Of a message without any; nothing is added to it. */
const none: Uint8Array[] = [];

export interface WebSocketReaderOptions {
  /** Clients mask what they send, servers do not (RFC 6455 section 5.1). */
  readonly expectsMask: boolean;
  readonly maxMessageBytes: number;
  /** A message in more frames than this is refused: it holds more memory in bookkeeping than in bytes. */
  readonly maxFragments: number;
  /** The same for the reads that an unfinished message came in. */
  readonly maxReads: number;
}

export interface WebSocketReaderHandler {
  /** One whole binary message of `bytes` bytes: views of what was pushed, in order, unmasked in place, none of them empty. */
  onMessage(parts: Uint8Array[], bytes: number): void;
  onPing(payload: Uint8Array): void;
  /** The peer's CLOSE; nothing is read after it. */
  onClose(code: number, reason: string): void;
  /** The peer broke the rules; nothing is read after it. `code` is what to close with. */
  onViolation(code: number, text: string): void;
}

/**
 * The receiving half of one WebSocket (RFC 6455), incrementally, without extensions and without text. Bodies are never
 * copied: a message that came in several reads is given out in several parts.
 */
export class WebSocketReader {
  /** Lengths of all chunks that the unfinished message, or its header, keeps alive; 0 between messages. */
  heldBytes = 0;
  /** In how many chunks they came. */
  heldReads = 0;
  readonly #options: WebSocketReaderOptions;
  readonly #handler: WebSocketReaderHandler;
  /** What came of a header that is not whole, in memory of its own. */
  #header: Uint8Array | undefined;
  #headerLength = 0;
  /** Of the frame whose payload is being read. */
  #opcode: number = WebSocketOpcode.BINARY;
  #isFinal = true;
  #left = 0;
  #phase = 0;
  /** Undefined where nothing is to be changed: for a mask of zeros, too. */
  #mask: Uint8Array | undefined;
  /** Of the control frame that is being read; a reader without one holds no memory for it. */
  #control: Uint8Array | undefined;
  #controlLength = 0;
  #isInMessage = false;
  #fragments = 0;
  #parts: Uint8Array[] = none;
  #bytes = 0;
  #isDone = false;
  #hasEnded = false;

  constructor(options: WebSocketReaderOptions, handler: WebSocketReaderHandler) {
    this.#options = options;
    this.#handler = handler;
  }

  /** The next bytes of the connection, whose memory belongs to the reader. What they complete is given out before it returns. */
  push(chunk: Uint8Array): void {
    this.#hasEnded = false;
    for (let at = 0; at < chunk.length && !this.#isDone; ) {
      at = this.#left > 0 ? this.#readPayload(chunk, at) : this.#readHeader(chunk, at);
    }
    this.#countHeld(chunk.length);
  }

  /** Nothing that comes is looked at any more. */
  stop(): void {
    this.#isDone = true;
    this.#parts = none;
  }

  #countHeld(chunkBytes: number): void {
    if (this.#isDone || (!this.#isInMessage && this.#headerLength === 0 && this.#left === 0)) {
      this.heldBytes = 0;
      this.heldReads = 0;
      return;
    }
    this.heldBytes = (this.#hasEnded ? 0 : this.heldBytes) + chunkBytes;
    this.heldReads = (this.#hasEnded ? 0 : this.heldReads) + 1;
    if (this.heldReads > this.#options.maxReads) this.#fail(WebSocketCloseCode.POLICY, 'a message in too many pieces');
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    const header = this.#header ?? scratch;
    for (let at = start; at < chunk.length; ) {
      header[this.#headerLength] = chunk[at]!;
      this.#headerLength += 1;
      at += 1;
      if (this.#headerLength < headerBytes(header, this.#headerLength)) continue;
      this.#headerLength = 0;
      this.#header = undefined;
      this.#beginFrame(header);
      return at;
    }
    this.#header ??= scratch.slice();
    return chunk.length;
  }

  #beginFrame(header: Uint8Array): void {
    this.#opcode = header[0]! & 0x0f;
    this.#isFinal = (header[0]! & 0x80) !== 0;
    const payload = payloadBytes(header);
    if (!this.#mayBegin(header)) return;
    if (!(this.#opcode >= WebSocketOpcode.CLOSE ? this.#mayControl(payload) : this.#mayData(payload))) return;
    this.#phase = 0;
    this.#left = payload;
    if (payload === 0) this.#endFrame();
  }

  #mayBegin(header: Uint8Array): boolean {
    if ((header[0]! & 0x70) !== 0) return this.#refuse('a reserved bit is set');
    const isMasked = header[1]! >= 0x80;
    if (isMasked !== this.#options.expectsMask) {
      return this.#refuse(isMasked ? 'a server masks' : 'a client does not mask');
    }
    this.#mask = undefined;
    if (!isMasked) return true;
    const end = headerBytes(header, 2);
    const maskAt = end - WEBSOCKET_MASK_BYTES;
    const bits = header[maskAt]! | header[maskAt + 1]! | header[maskAt + 2]! | header[maskAt + 3]!;
    if (bits !== 0) this.#mask = header.slice(maskAt, end);
    return true;
  }

  #mayControl(payload: number): boolean {
    if (this.#opcode > WebSocketOpcode.PONG) return this.#refuse('an unknown opcode');
    if (!this.#isFinal || payload > WEBSOCKET_CONTROL_BYTES) return this.#refuse('a control frame is too long');
    this.#controlLength = 0;
    this.#control = new Uint8Array(payload);
    return true;
  }

  #mayData(payload: number): boolean {
    if (this.#opcode > WebSocketOpcode.BINARY) return this.#refuse('an unknown opcode');
    if (this.#isInMessage !== (this.#opcode === WebSocketOpcode.CONTINUATION)) {
      return this.#refuse('a message begins inside another one, or goes on after its end');
    }
    if (this.#opcode === WebSocketOpcode.TEXT)
      return this.#refuse('binary messages only', WebSocketCloseCode.UNSUPPORTED);
    this.#isInMessage = true;
    this.#fragments += 1;
    if (this.#fragments > this.#options.maxFragments) {
      return this.#refuse('a message in too many fragments', WebSocketCloseCode.POLICY);
    }
    if (this.#bytes + payload > this.#options.maxMessageBytes) {
      return this.#refuse('a message exceeds its limit', WebSocketCloseCode.TOO_LARGE);
    }
    return true;
  }

  #readPayload(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    const part = chunk.subarray(at, end);
    if (this.#mask !== undefined) applyWebSocketMask(part, this.#mask, this.#phase);
    this.#phase = (this.#phase + part.length) & 3;
    this.#left -= part.length;
    if (this.#opcode >= WebSocketOpcode.CLOSE) {
      this.#control?.set(part, this.#controlLength);
      this.#controlLength += part.length;
    } else {
      if (this.#parts === none) this.#parts = [part];
      else this.#parts.push(part);
      this.#bytes += part.length;
    }
    if (this.#left === 0) this.#endFrame();
    return end;
  }

  #endFrame(): void {
    if (this.#opcode < WebSocketOpcode.CLOSE) {
      if (this.#isFinal) this.#endMessage();
      return;
    }
    const payload = this.#control!;
    this.#control = undefined;
    if (this.#opcode === WebSocketOpcode.PING) this.#handler.onPing(payload);
    else if (this.#opcode === WebSocketOpcode.CLOSE) this.#onClose(payload);
  }

  #endMessage(): void {
    const parts = this.#parts;
    const bytes = this.#bytes;
    this.#parts = none;
    this.#bytes = 0;
    this.#fragments = 0;
    this.#isInMessage = false;
    this.#hasEnded = true;
    this.#handler.onMessage(parts, bytes);
  }

  #onClose(payload: Uint8Array): void {
    const code = payload.length < 2 ? 0 : (payload[0]! << 8) | payload[1]!;
    const reason = decodeUtf8(payload.subarray(2));
    if (payload.length > 0 && !isCloseCode(code)) {
      this.#refuse('a close code that does not exist');
    } else if (reason === undefined) {
      this.#fail(WebSocketCloseCode.INVALID_TEXT, 'a reason that is not UTF-8');
    } else {
      this.#isDone = true;
      this.#handler.onClose(payload.length === 0 ? WebSocketCloseCode.NONE : code, reason);
    }
  }

  #refuse(text: string, code: number = WebSocketCloseCode.PROTOCOL): false {
    this.#fail(code, text);
    return false;
  }

  #fail(code: number, text: string): void {
    this.#isDone = true;
    this.#parts = none;
    this.heldBytes = 0;
    this.heldReads = 0;
    this.#handler.onViolation(code, text);
  }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** How long the header is, as far as the bytes that are known tell. */
function headerBytes(header: Uint8Array, known: number): number {
  if (known < 2) return 2;
  const second = header[1]!;
  const length = second & 0x7f;
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second >= 0x80 ? WEBSOCKET_MASK_BYTES : 0);
}

function payloadBytes(header: Uint8Array): number {
  const length = header[1]! & 0x7f;
  if (length === 126) return (header[2]! << 8) | header[3]!;
  if (length !== 127) return length;
  let value = 0;
  for (let index = 2; index < 10; index += 1) value = value * 256 + header[index]!;
  return value;
}

/** What may stand in a CLOSE (RFC 6455 section 7.4). */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}
