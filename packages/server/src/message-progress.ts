/** Opcodes from here on are of control frames, which may stand between the frames of a message. */
const CONTROL_OPCODES = 8;
const MAX_HEADER_BYTES = 14;

/**
 * Follows the frames of a WebSocket (RFC 6455, section 5.2) through the bytes of its socket, to know what a message
 * that is not whole yet holds in memory. It checks nothing: bytes that are no frames end the socket elsewhere.
 */
export class MessageProgress {
  /** Bytes of all the reads that the unfinished message keeps alive; 0 between messages. */
  heldBytes = 0;
  /** In how many reads they came. */
  reads = 0;
  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #headerLength = 0;
  #bodyLeft = 0;
  #isInMessage = false;

  push(chunk: Uint8Array): void {
    const isNew = this.#scan(chunk);
    if (!this.#isInMessage && this.#headerLength === 0 && this.#bodyLeft === 0) {
      this.heldBytes = 0;
      this.reads = 0;
    } else {
      this.heldBytes = (isNew ? 0 : this.heldBytes) + chunk.length;
      this.reads = (isNew ? 0 : this.reads) + 1;
    }
  }

  /** Returns whether a message ended in the chunk. */
  #scan(chunk: Uint8Array): boolean {
    let hasEnded = false;
    for (let at = 0; at < chunk.length; ) {
      if (this.#bodyLeft > 0) {
        const taken = Math.min(this.#bodyLeft, chunk.length - at);
        this.#bodyLeft -= taken;
        at += taken;
      } else {
        this.#header[this.#headerLength++] = chunk[at++] ?? 0;
        if (this.#headerLength < headerBytes(this.#header, this.#headerLength)) continue;
        this.#bodyLeft = bodyBytes(this.#header);
        this.#headerLength = 0;
        const [first = 0] = this.#header;
        if ((first & 0x0f) < CONTROL_OPCODES) this.#isInMessage = true;
      }
      if (this.#bodyLeft > 0) continue;
      const [first = 0] = this.#header;
      if ((first & 0x80) === 0) continue;
      if ((first & 0x0f) < CONTROL_OPCODES) this.#isInMessage = false;
      if (!this.#isInMessage) hasEnded = true;
    }
    return hasEnded;
  }
}

function headerBytes(header: Uint8Array, known: number): number {
  const second = header[1] ?? 0;
  if (known < 2) return 2;
  const length = second & 0x7f;
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second >= 0x80 ? 4 : 0);
}

function bodyBytes(header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset);
  const length = (header[1] ?? 0) & 0x7f;
  if (length === 126) return view.getUint16(2);
  if (length === 127) return view.getUint32(2) * 2 ** 32 + view.getUint32(6);
  return length;
}
