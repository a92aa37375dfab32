import { SealaneError } from '@sealane/types';
import type { StreamCore } from './stream-core.js';

const maxStreamId = 0xffff_ffff;

/** What a table without streams has: an idle one holds no memory for them. Nothing is ever added. */
const noStreams = new Map<number, StreamCore>();

/** Numbers and counts of the streams of one mux (docs/protocol/v1.md, "Streams"). */
export class StreamTable {
  #byId: Map<number, StreamCore> = noStreams;
  /** Opened here, not on the wire yet, so without a number. */
  readonly #unsent: StreamCore[] = [];
  readonly #ownParity: number;
  #nextOwn: number;
  #lastPeer = 0;
  #inboundCount = 0;

  constructor(role: 'opener' | 'acceptor') {
    this.#ownParity = role === 'opener' ? 1 : 0;
    this.#nextOwn = role === 'opener' ? 1 : 2;
  }

  get size(): number {
    return this.#byId.size + this.#unsent.length;
  }

  get inboundCount(): number {
    return this.#inboundCount;
  }

  get outboundCount(): number {
    return this.size - this.#inboundCount;
  }

  /** The highest number the peer has used. */
  get lastPeer(): number {
    return this.#lastPeer;
  }

  /** The number that the next stream opened here would get, after those that wait. */
  get nextOutbound(): number {
    return this.#nextOwn + 2 * this.#unsent.length;
  }

  get hasNumbersLeft(): boolean {
    return this.nextOutbound <= maxStreamId;
  }

  *streams(): IterableIterator<StreamCore> {
    yield* this.#unsent;
    yield* this.#byId.values();
  }

  addUnsent(stream: StreamCore): void {
    this.#unsent.push(stream);
  }

  /** The stream goes on the wire now. */
  number(stream: StreamCore): void {
    this.#sent(stream);
    stream.id = this.#nextOwn;
    this.#nextOwn += 2;
    this.#keep(stream);
  }

  /** Notes the number of an OPEN of the peer. ERR_MUX_STREAM for a wrong parity or a number not above all before. */
  assertOpening(id: number): void {
    if ((id & 1) === this.#ownParity) throw streamError('an OPEN with a number of the other side');
    if (id <= this.#lastPeer) throw streamError('an OPEN with a number that was used or skipped');
    this.#lastPeer = id;
  }

  addInbound(stream: StreamCore, id: number): void {
    stream.id = id;
    this.#inboundCount += 1;
    this.#keep(stream);
  }

  /** The live stream; undefined for one that is closed or was skipped; ERR_MUX_STREAM for one never opened. */
  find(id: number): StreamCore | undefined {
    const stream = this.#byId.get(id);
    if (stream !== undefined) return stream;
    const wasOpened = (id & 1) === this.#ownParity ? id < this.#nextOwn : id <= this.#lastPeer;
    if (!wasOpened) throw streamError('a frame for a stream that was never opened');
    return undefined;
  }

  /** Streams opened here that a GOAWAY with this number excludes, those without a number by the one they would get. */
  outboundAfter(lastStream: number): StreamCore[] {
    const excluded: StreamCore[] = [];
    for (const stream of this.#byId.values()) {
      if (!stream.isInbound && stream.id > lastStream) excluded.push(stream);
    }
    let next = this.#nextOwn;
    for (const stream of this.#unsent) {
      if (next > lastStream) excluded.push(stream);
      next += 2;
    }
    return excluded;
  }

  remove(stream: StreamCore): void {
    if (stream.id === 0) this.#sent(stream);
    else if (this.#byId.delete(stream.id) && stream.isInbound) this.#inboundCount -= 1;
  }

  clear(): void {
    this.#byId.clear();
    this.#unsent.length = 0;
    this.#inboundCount = 0;
  }

  #sent(stream: StreamCore): void {
    const index = this.#unsent.indexOf(stream);
    if (index >= 0) this.#unsent.splice(index, 1);
  }

  #keep(stream: StreamCore): void {
    if (this.#byId === noStreams) this.#byId = new Map();
    this.#byId.set(stream.id, stream);
  }
}

function streamError(message: string): SealaneError {
  return new SealaneError('ERR_MUX_STREAM', message);
}
