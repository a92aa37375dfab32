import { randomFillSync } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  applyWebSocketMask,
  WEBSOCKET_HEADER_MAX_BYTES,
  WEBSOCKET_MASK_BYTES,
  WebSocketOpcode,
  writeWebSocketHeader,
} from '@sealane/protocol/websocket';
import { PieceWriter } from './piece-writer.js';

/** How a client masks; a server does not. */
export type WebSocketMask = 'none' | 'zero' | 'random';

/** Messages up to this size are one piece of memory: one copy costs less than a write of several pieces. */
const JOINED_BYTES = 4_096;
const zeroMask = new Uint8Array(WEBSOCKET_MASK_BYTES);

/**
 * The sending half of one WebSocket (RFC 6455 section 5): whole messages, large pieces by reference, and one write to the
 * socket for all that is sent in one go.
 */
export class WebSocketSender {
  readonly #writer: PieceWriter;
  readonly #mask: WebSocketMask;

  /** `onWritten` is told how many bytes of binary messages have left, or that they will not. */
  constructor(socket: Duplex, mask: WebSocketMask, onWritten: (bytes: number, error?: Error | null) => void) {
    this.#writer = new PieceWriter(socket, onWritten);
    this.#mask = mask;
  }

  /** What the socket was not given yet. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /**
   * `parts` together are one message, or the payload of one control frame. They must not be changed any more. Where it
   * `isLast` nothing waits for the end of the callback.
   */
  send(opcode: WebSocketOpcode, parts: readonly Uint8Array[], bytes: number, isLast = false): void {
    const writer = this.#writer;
    const counted = opcode === WebSocketOpcode.BINARY ? bytes : 0;
    if (bytes <= JOINED_BYTES || this.#mask === 'random') {
      writer.write(this.#join(opcode, parts, bytes), counted);
    } else {
      const mask = this.#mask === 'zero' ? zeroMask : undefined;
      const header = Buffer.allocUnsafe(WEBSOCKET_HEADER_MAX_BYTES);
      writer.write(header.subarray(0, writeWebSocketHeader(header, opcode, bytes, mask)), counted);
      for (const part of parts) writer.write(part, 0);
    }
    if (isLast) writer.flush();
    else writer.schedule();
  }

  /** Writes now what else would be written at the end of the present callback. */
  flush(): void {
    this.#writer.flush();
  }

  #join(opcode: WebSocketOpcode, parts: readonly Uint8Array[], bytes: number): Uint8Array {
    const memory = Buffer.allocUnsafe(WEBSOCKET_HEADER_MAX_BYTES + bytes);
    const mask = this.#mask === 'none' ? undefined : this.#mask === 'zero' ? zeroMask : randomMask();
    const start = writeWebSocketHeader(memory, opcode, bytes, mask);
    let end = start;
    for (const part of parts) {
      memory.set(part, end);
      end += part.length;
    }
    if (this.#mask === 'random') applyWebSocketMask(memory.subarray(start, end), mask!, 0);
    return memory.subarray(0, end);
  }
}

let pool = new Uint8Array(0);
let poolUsed = 0;

/** A call for four bytes costs as much as one for eight thousand. */
function randomMask(): Uint8Array {
  if (poolUsed === pool.length) {
    pool = randomFillSync(new Uint8Array(8_192));
    poolUsed = 0;
  }
  poolUsed += WEBSOCKET_MASK_BYTES;
  return pool.subarray(poolUsed - WEBSOCKET_MASK_BYTES, poolUsed);
}
