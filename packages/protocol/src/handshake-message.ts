import { ProtocolSize } from '@sealane/types';
import { concatBytes } from './concat-bytes.js';
import { limitError, messageError } from './protocol-error.js';

const lengthBytes = 3;

/** `length u24 | message` in a new array (v1.md, "Handshake on the stream"). 1 to 4,096 bytes, else ERR_PROTOCOL_LIMIT. */
export function encodeHandshakeMessage(message: Uint8Array): Uint8Array {
  if (message.length < 1 || message.length > ProtocolSize.HANDSHAKE) {
    throw limitError('a handshake message has 1 to 4,096 bytes');
  }
  return concatBytes([Uint8Array.of(0, message.length >>> 8, message.length), message]);
}

/** A whole handshake message, and what of the last chunk belongs to the records after it. */
export interface HandshakeRead {
  readonly message: Uint8Array;
  readonly rest: Uint8Array;
}

/**
 * Reads the one handshake message at the start of a stream from chunks of any size. Holds at most 4,099 bytes; the
 * length is checked before any memory is taken. `message` is a view where the first chunk holds it whole.
 */
export class HandshakeReader {
  #held: Uint8Array = new Uint8Array(0);
  #finished = false;

  /** Bytes held of a message that is not whole yet. */
  get bufferedBytes(): number {
    return this.#held.length;
  }

  /**
   * The message once it is whole, undefined before. ERR_PROTOCOL_LIMIT for a length above 4,096; ERR_PROTOCOL_MESSAGE
   * for a length of 0 and for any call after the message.
   */
  push(chunk: Uint8Array): HandshakeRead | undefined {
    if (this.#finished) throw messageError('the handshake message was already read');
    // Only what can still belong to the message is taken, so that a large chunk is never copied whole.
    const room = lengthBytes + ProtocolSize.HANDSHAKE - this.#held.length;
    const joined = this.#held.length === 0 ? chunk : concatBytes([this.#held, chunk.subarray(0, room)]);
    const length = joined.length < lengthBytes ? undefined : parseLength(joined);
    if (length === undefined || joined.length < lengthBytes + length) {
      this.#held = joined === chunk ? chunk.slice() : joined;
      return undefined;
    }
    const end = lengthBytes + length;
    const used = end - this.#held.length;
    this.#finished = true;
    this.#held = new Uint8Array(0);
    return { message: joined.subarray(lengthBytes, end), rest: chunk.subarray(used) };
  }
}

function parseLength(bytes: Uint8Array): number {
  const length = (bytes[0]! << 16) | (bytes[1]! << 8) | bytes[2]!;
  if (length === 0) throw messageError('a handshake message is empty');
  if (length > ProtocolSize.HANDSHAKE) throw limitError('a handshake message exceeds 4,096 bytes');
  return length;
}
