import { OPEN_LENGTH_BYTES } from '@sealane/protocol';
import { FRAME_HEADER_BYTES, FrameFlag, FrameType, MuxLimit } from '@sealane/types';
import { BatchWriter } from './batch-writer.js';
import { ControlQueue, type PingHost } from './control-queue.js';
import type { MuxBatch } from './mux-options.js';
import type { QueuedChunk } from './send-queue.js';
import type { StreamCore } from './stream-core.js';
import type { StreamScheduler } from './stream-scheduler.js';
import { minCostBytes } from './turn-list.js';

export interface OutboxHost extends PingHost {
  /** The stream's OPEN goes out: give it a number. */
  onOpening(stream: StreamCore): void;
}

/** A batch before its streams were told. */
export interface PulledBatch extends MuxBatch {
  readonly senders: readonly StreamCore[];
}

/** What waits to be sent, and the order in which batches take it: control first, then the streams in turn. */
export class Outbox {
  readonly control: ControlQueue = new ControlQueue();
  readonly scheduler: StreamScheduler;
  framesSent = 0;
  dataBytesSent = 0;
  readonly #host: OutboxHost;
  readonly #maxBodyBytes: number;
  /** Control took the room that the next data needed: then data goes first once. */
  #isDataFirst = false;

  constructor(host: OutboxHost, maxBodyBytes: number, scheduler: StreamScheduler) {
    this.scheduler = scheduler;
    this.#host = host;
    this.#maxBodyBytes = maxBodyBytes;
  }

  get hasPending(): boolean {
    return this.scheduler.hasReady || this.control.hasMessages || this.control.hasState;
  }

  /** The batch, and the streams that gave data to it; undefined when nothing fits or nothing waits. */
  pull(maxBytes: number, onlyControl: boolean): PulledBatch | undefined {
    if (onlyControl ? !this.control.hasState : !this.hasPending) return undefined;
    const writer = new BatchWriter();
    const senders: StreamCore[] = [];
    const isDataFirst = this.#isDataFirst && !onlyControl;
    if (isDataFirst) this.#writeStreams(writer, maxBytes, senders);
    const hasData = !onlyControl && this.scheduler.hasReady;
    const endBytes = hasData ? Math.min(maxBytes, writer.bytes + MuxLimit.controlTurnBytes) : maxBytes;
    const hasMessage = this.control.write(writer, endBytes, !onlyControl, this.#host);
    if (hasData && !isDataFirst) this.#writeStreams(writer, maxBytes, senders);
    if (writer.bytes === 0) return undefined;
    const { bytes } = writer;
    return { chunks: writer.finish(), bytes, onlyControl: senders.length === 0 && !hasMessage, senders };
  }

  clear(): void {
    this.control.clear();
    this.scheduler.clear();
  }

  #writeStreams(writer: BatchWriter, maxBytes: number, senders: StreamCore[]): void {
    this.#isDataFirst = false;
    for (let stream = this.scheduler.next(); stream !== undefined; stream = this.scheduler.next()) {
      const { queue, pendingOpen } = stream;
      const openBytes = pendingOpen === undefined ? 0 : OPEN_LENGTH_BYTES + pendingOpen.length;
      const wanted = Math.min(queue.firstBytes, this.#maxBodyBytes, queue.credit);
      const allowance = this.scheduler.allowanceBytes(stream);
      const cost = frameCost(openBytes, wanted);
      if (cost > allowance) {
        this.scheduler.endTurn(stream, cost);
        continue;
      }
      const room = maxBytes - writer.bytes - FRAME_HEADER_BYTES - openBytes;
      // A chunk is cut to the batch only where it would not fit into an empty one either.
      if (wanted > room && (writer.bytes > 0 || room < 1)) {
        this.#isDataFirst = senders.length === 0;
        return;
      }
      if (!stream.isInBatch) {
        stream.isInBatch = true;
        senders.push(stream);
      }
      const limit = Math.min(room, this.#maxBodyBytes, queue.credit, allowance - openBytes);
      const sentBytes = this.#writeFrame(writer, stream, Math.min(wanted, room), limit);
      stream.refresh();
      this.scheduler.sent(stream, frameCost(openBytes, sentBytes));
    }
  }

  /** One frame: the first chunk or `wanted` bytes of it, and further whole chunks up to `limit`. */
  #writeFrame(writer: BatchWriter, stream: StreamCore, wanted: number, limit: number): number {
    const { queue, pendingOpen } = stream;
    let bytes = 0;
    let first: QueuedChunk | undefined;
    let more: QueuedChunk[] | undefined;
    if (wanted > 0) {
      first = queue.take(wanted);
      bytes = wanted;
      while (queue.firstBytes > 0 && bytes + queue.firstBytes <= limit) {
        bytes += queue.firstBytes;
        more ??= [];
        more.push(queue.take(queue.firstBytes));
      }
    }
    const isFin = stream.finQueued && queue.queuedBytes === 0;
    if (pendingOpen !== undefined) this.#host.onOpening(stream);
    const flags = (pendingOpen === undefined ? 0 : FrameFlag.OPEN) | (isFin ? FrameFlag.FIN : 0);
    const openBytes = pendingOpen === undefined ? 0 : OPEN_LENGTH_BYTES + pendingOpen.length;
    writer.header(FrameType.DATA, flags, stream.id, openBytes + bytes);
    if (pendingOpen !== undefined) {
      writer.uint16(pendingOpen.length);
      writer.copy(pendingOpen);
      stream.pendingOpen = undefined;
    }
    if (first !== undefined) writer.body(first);
    if (more !== undefined) for (const chunk of more) writer.body(chunk);
    if (isFin) stream.finSent = true;
    stream.isAnswered ||= stream.isInbound;
    stream.sentInBatch += bytes;
    this.framesSent += 1;
    this.dataBytesSent += bytes;
    return bytes;
  }
}

/** What a frame takes of a turn: all its bytes, and not nothing where it has none. */
function frameCost(openBytes: number, dataBytes: number): number {
  return Math.max(openBytes + dataBytes, minCostBytes);
}
