import { type MemoryBudget, Mux, type MuxHandler, type MuxStream } from '@sealane/mux';
import type { VirtualClock } from '@sealane/testkit';
import type { SealaneError } from '@sealane/types';
import type { LinkNode, Source } from './link-node.js';
import type { Defect, LayerPlan } from './plan.js';

const recordHeaderBytes = 3;
/** Below this much outer credit no record is made. */
const leastRecordBytes = 512;

/** One end of a session: an inner mux whose frames travel as records on one outer stream. */
export class SessionNode implements Source {
  readonly mux: Mux;
  peakBufferedBytes = 0;
  peakQueuedBytes = 0;
  readonly #node: LinkNode;
  readonly #maxRecordBytes: number;
  readonly #defect: Defect;
  readonly #unreadBytes: () => number;
  #owedBytes = 0;
  #stream: MuxStream | undefined;
  #buffered: Uint8Array = new Uint8Array(0);

  constructor(
    clock: VirtualClock,
    node: LinkNode,
    role: 'opener' | 'acceptor',
    budget: MemoryBudget,
    plan: LayerPlan & { readonly maxRecordBytes: number },
    handler: Omit<MuxHandler, 'onWritable'>,
    defect: Defect,
    unreadBytes: () => number,
  ) {
    this.#defect = defect;
    this.#unreadBytes = unreadBytes;
    const { maxRecordBytes, ...layer } = plan;
    this.#node = node;
    this.#maxRecordBytes = maxRecordBytes;
    this.mux = new Mux({
      role,
      clock,
      budget,
      ...layer,
      maxOpenBytes: 64,
      sendWindowBytes: plan.receiveWindowBytes,
      maxInboundStreams: 64,
      maxOutboundStreams: 64,
      allowMessages: false,
      handler: { ...handler, onWritable: () => node.schedule() },
    });
  }

  start(stream: MuxStream): void {
    this.#stream = stream;
    stream.handler = this;
    this.#node.sources.push(this);
    this.#node.schedule();
  }

  produce(): boolean {
    const stream = this.#stream;
    if (stream === undefined) return false;
    const room = stream.sendCredit - stream.queuedBytes;
    if (room < leastRecordBytes) return false;
    const batch = this.mux.pull(Math.min(this.#maxRecordBytes, room - recordHeaderBytes));
    if (batch === undefined) return false;
    const record = new Uint8Array(recordHeaderBytes + batch.bytes);
    new DataView(record.buffer).setUint32(0, batch.bytes << 8);
    let offset = recordHeaderBytes;
    for (const chunk of batch.chunks) {
      record.set(chunk, offset);
      offset += chunk.length;
    }
    stream.write(record);
    this.peakQueuedBytes = Math.max(this.peakQueuedBytes, stream.queuedBytes);
    return true;
  }

  /** Opens whole records, gives them to the inner mux and returns outer credit at once. */
  onData(chunk: Uint8Array): void {
    const bytes = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    let offset = 0;
    while (bytes.length - offset >= recordHeaderBytes) {
      const length = (bytes[offset]! << 16) | (bytes[offset + 1]! << 8) | bytes[offset + 2]!;
      const end = offset + recordHeaderBytes + length;
      if (end > bytes.length) break;
      this.mux.receive(bytes.slice(offset + recordHeaderBytes, end));
      offset = end;
    }
    this.#buffered = bytes.slice(offset);
    this.peakBufferedBytes = Math.max(this.peakBufferedBytes, this.#buffered.length);
    this.#owedBytes += offset;
    this.returnCredit();
  }

  /** As soon as a record is opened; only the defect waits for the application. */
  returnCredit(): void {
    const unread = this.#defect === 'credit-follows-application' ? this.#unreadBytes() : 0;
    const bytes = Math.max(0, this.#owedBytes - unread);
    this.#owedBytes -= bytes;
    if (bytes > 0) this.#stream!.consume(bytes);
  }

  onCredit(): void {
    if (this.#defect !== 'no-wake-on-credit') this.#node.schedule();
  }

  onSent(): void {
    this.#node.schedule();
  }

  onReset(error: SealaneError): void {
    throw new Error('the relayed stream was reset', { cause: error });
  }
}
