/** One WebSocket frame as it stood on the wire, unmasked. Enough of RFC 6455 to damage traffic on purpose. */
export interface WebSocketFrame {
  readonly fin: boolean;
  readonly opcode: number;
  /** The masking key of a client, or undefined. */
  readonly mask: Uint8Array | undefined;
  readonly payload: Uint8Array;
}

/** Cuts a byte stream into the HTTP head and the frames that follow it. */
export class WebSocketFramer {
  #buffer: Uint8Array = new Uint8Array(0);
  #isHead = true;

  /** The head comes once, as it was, with its empty line. */
  push(chunk: Uint8Array): { readonly head: Uint8Array | undefined; readonly frames: readonly WebSocketFrame[] } {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    const head = this.#isHead ? this.#takeHead() : undefined;
    const frames: WebSocketFrame[] = [];
    while (!this.#isHead) {
      const frame = this.#takeFrame();
      if (frame === undefined) break;
      frames.push(frame);
    }
    return { head, frames };
  }

  #takeHead(): Uint8Array | undefined {
    const end = Buffer.from(this.#buffer.buffer, this.#buffer.byteOffset, this.#buffer.length).indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    this.#isHead = false;
    return this.#take(end + 4);
  }

  #takeFrame(): WebSocketFrame | undefined {
    const buffer = this.#buffer;
    if (buffer.length < 2) return undefined;
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    const short = buffer[1]! & 0x7f;
    const isMasked = (buffer[1]! & 0x80) !== 0;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const headerBytes = 2 + lengthBytes + (isMasked ? 4 : 0);
    if (buffer.length < headerBytes) return undefined;
    const length = short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
    if (buffer.length < headerBytes + length) return undefined;
    const first = buffer[0]!;
    const header = this.#take(headerBytes);
    const mask = isMasked ? header.slice(headerBytes - 4) : undefined;
    return { fin: (first & 0x80) !== 0, opcode: first & 0x0f, mask, payload: applyMask(this.#take(length), mask) };
  }

  #take(bytes: number): Uint8Array {
    const taken = this.#buffer.slice(0, bytes);
    this.#buffer = this.#buffer.subarray(bytes);
    return taken;
  }
}

/** The frame's bytes on the wire, masked again with its own key. */
export function encodeWebSocketFrame(frame: WebSocketFrame): Uint8Array {
  const { length } = frame.payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = new Uint8Array(2 + lengthBytes + (frame.mask === undefined ? 0 : 4));
  const view = new DataView(header.buffer);
  header[0] = (frame.fin ? 0x80 : 0) | frame.opcode;
  header[1] = (frame.mask === undefined ? 0 : 0x80) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  if (frame.mask !== undefined) header.set(frame.mask, header.length - 4);
  return Buffer.concat([header, applyMask(frame.payload, frame.mask)]);
}

function applyMask(payload: Uint8Array, mask: Uint8Array | undefined): Uint8Array {
  if (mask === undefined || mask.every((byte) => byte === 0)) return payload;
  const result = new Uint8Array(payload.length);
  for (let index = 0; index < payload.length; index++) result[index] = payload[index]! ^ mask[index & 3]!;
  return result;
}
