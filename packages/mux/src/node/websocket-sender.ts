import { randomFillSync } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  applyWebSocketMask,
  WEBSOCKET_HEADER_MAX_BYTES,
  WEBSOCKET_MASK_BYTES,
  type WebSocketOpcode,
  writeWebSocketHeader,
} from '@sealane/protocol/websocket';

/** How a client masks; a server does not. */
export type WebSocketMask = 'none' | 'zero' | 'random';

/** Messages up to this size are one piece of memory: one copy costs less than a write of several pieces. */
const JOINED_BYTES = 4_096;
/** Small pieces stand together with the header or with their neighbours. */
const SMALL_PART_BYTES = 512;
const zeroMask = new Uint8Array(WEBSOCKET_MASK_BYTES);

/**
 * The sending half of one WebSocket (RFC 6455 section 5): whole messages, large pieces by reference, and one write to the
 * socket for all that is sent in one go.
 */
export class WebSocketSender {
  readonly #socket: Duplex;
  readonly #mask: WebSocketMask;
  #isCorked = false;

  constructor(socket: Duplex, mask: WebSocketMask) {
    this.#socket = socket;
    this.#mask = mask;
  }

  /** `parts` together are one message, or the payload of one control frame. They must not be changed any more. */
  send(
    opcode: WebSocketOpcode,
    parts: readonly Uint8Array[],
    bytes: number,
    onWritten?: (error?: Error | null) => void,
  ): void {
    this.#cork();
    if (bytes <= JOINED_BYTES || this.#mask === 'random') {
      this.#socket.write(this.#join(opcode, parts, bytes), onWritten);
      return;
    }
    const mask = this.#mask === 'zero' ? zeroMask : undefined;
    const header = Buffer.allocUnsafe(WEBSOCKET_HEADER_MAX_BYTES + SMALL_PART_BYTES);
    let end = writeWebSocketHeader(header, opcode, bytes, mask);
    const [first] = parts;
    let index = 0;
    if (first !== undefined && first.length <= SMALL_PART_BYTES) {
      header.set(first, end);
      end += first.length;
      index = 1;
    }
    this.#socket.write(header.subarray(0, end), index === parts.length ? onWritten : undefined);
    for (; index < parts.length; index += 1) {
      this.#socket.write(parts[index]!, index === parts.length - 1 ? onWritten : undefined);
    }
  }

  /** Writes now what else would be written at the end of the present callback. */
  flush(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
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

  /** Until the end of the present callback. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    process.nextTick(() => this.flush());
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
