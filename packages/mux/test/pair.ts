import {
  GroupScheduler,
  MemoryBudget,
  Mux,
  type MuxOptions,
  type MuxStream,
  type OpenStreamOptions,
} from '@sealane/mux';
import { VirtualClock } from '@sealane/testkit';
import type { SealaneError } from '@sealane/types';

/** One stream as its user sees it. */
export class StreamEnd {
  readonly chunks: Uint8Array[] = [];
  receivedBytes = 0;
  sentBytes = 0;
  drains = 0;
  fin = false;
  error: SealaneError | undefined;
  resetCode: number | undefined;
  port!: MuxStream;
  readonly open: string;
  readonly #peer: Peer;

  constructor(peer: Peer, open: string) {
    this.#peer = peer;
    this.open = open;
  }

  received(): Uint8Array {
    return joinBytes(this.chunks);
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (this.fin) throw new Error('data after the end');
    this.chunks.push(chunk);
    this.receivedBytes += chunk.length;
    this.fin = fin;
    if (this.#peer.autoConsume) this.port.consume(chunk.length);
  }

  onReset(error: SealaneError, code: number): void {
    this.error = error;
    this.resetCode = code;
  }

  onSent(bytes: number): void {
    this.sentBytes += bytes;
  }

  onDrain(): void {
    this.drains += 1;
  }
}

/** A mux with a user that notes everything. */
export class Peer {
  readonly mux: Mux;
  readonly budget: MemoryBudget;
  readonly streams: StreamEnd[] = [];
  readonly messages: { streamId: number; body: Uint8Array }[] = [];
  autoConsume = true;
  writableCalls = 0;
  accept: (end: StreamEnd) => void = () => undefined;
  readonly goAways: number[] = [];
  readonly refused: number[] = [];

  constructor(options: Omit<MuxOptions, 'handler'>) {
    this.budget = options.budget;
    this.mux = new Mux({
      ...options,
      handler: {
        onWritable: () => {
          this.writableCalls += 1;
        },
        onOpen: (stream, open) => {
          const end = new StreamEnd(this, new TextDecoder().decode(open));
          end.port = stream;
          stream.handler = end;
          this.streams.push(end);
          this.accept(end);
        },
        onMessage: (streamId, _stream, body) => {
          this.messages.push({ streamId, body });
        },
        onRefused: (code) => {
          this.refused.push(code);
        },
        onGoAway: (goAway) => {
          this.goAways.push(goAway.lastStream);
        },
      },
    });
  }

  open(open = '', options?: OpenStreamOptions): StreamEnd {
    const end = new StreamEnd(this, open);
    end.port = this.mux.openStream(new TextEncoder().encode(open), end, options);
    return end;
  }

  /** Hands everything that waits to the other side. Returns the number of bytes. */
  flush(other: Peer, maxBytes = 262_144): number {
    let bytes = 0;
    for (let batch = this.mux.pull(maxBytes); batch !== undefined; batch = this.mux.pull(maxBytes)) {
      bytes += batch.bytes;
      other.mux.receive(joinBytes(batch.chunks));
    }
    return bytes;
  }
}

export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

export type PairOptions = Partial<Omit<MuxOptions, 'handler' | 'role' | 'clock' | 'budget' | 'scheduler'>> & {
  /** The opener's streams take turns by their groups. */
  readonly isGrouped?: boolean;
  readonly budgetBytes?: number;
  /** Of the acceptor, where it shares one. */
  readonly budget?: MemoryBudget;
};

export interface Pair {
  readonly clock: VirtualClock;
  /** Opens with odd numbers. */
  readonly a: Peer;
  readonly b: Peer;
}

export function createPair(options: PairOptions = {}): Pair {
  const clock = new VirtualClock();
  const { budgetBytes = 1 << 26, budget = new MemoryBudget(budgetBytes), isGrouped = false, ...rest } = options;
  const shared = {
    clock,
    maxBodyBytes: 66_560,
    maxOpenBytes: 8_192,
    receiveWindowBytes: 262_144,
    maxReceiveWindowBytes: 16_777_216,
    sendWindowBytes: 262_144,
    maxInboundStreams: 1_024,
    maxOutboundStreams: 1_024,
    allowMessages: true,
    ...rest,
  };
  return {
    clock,
    a: new Peer({
      ...shared,
      role: 'opener',
      budget: new MemoryBudget(budgetBytes),
      ...(isGrouped ? { scheduler: new GroupScheduler() } : {}),
    }),
    b: new Peer({ ...shared, role: 'acceptor', budget }),
  };
}

/** Moves everything in both directions until nothing waits. */
export function exchange(pair: Pair): void {
  for (let round = 0; round < 10_000; round += 1) {
    if (pair.a.flush(pair.b) + pair.b.flush(pair.a) === 0) return;
  }
  throw new Error('the two muxes never come to rest');
}
