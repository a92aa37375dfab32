import type { GoAway } from '@sealane/protocol';
import type { Clock } from '@sealane/types';
import type { GroupScheduler } from './group-scheduler.js';
import type { MemoryBudget } from './memory-budget.js';
import type { MuxStream } from './mux-stream.js';

export interface GoAwayOptions {
  readonly code: number;
  readonly retryAfterMs?: number;
  readonly url?: string;
  /** Default: the highest stream the peer has opened so far. 2^32 - 1 only announces and refuses nothing. */
  readonly lastStream?: number;
}

export interface MuxHandler {
  /**
   * `pull` would return something now. Called once per change from nothing to something, also from within `receive`,
   * `write`, `consume` and at the end of `pull`: schedule the pulling instead of doing it here.
   */
  onWritable(): void;
  /**
   * The peer opened a stream. Set `stream.handler` before returning, or call `stream.reset(code)`: a stream left
   * without a handler is refused. `open` is a copy and belongs to the callee; the stream does not keep it.
   */
  onOpen(stream: MuxStream, open: Uint8Array): void;
  /** Stream 0 is the link itself. `stream` is undefined for 0. `body` is a view of the received message. */
  onMessage?(streamId: number, stream: MuxStream | undefined, body: Uint8Array): void;
  onGoAway?(goAway: GoAway): void;
  /** A stream of the peer was refused before anyone saw it, with this `ResetCode`. */
  onRefused?(code: number): void;
}

/** Sizes in bytes. Both sides must be given mirrored values; they come from HELLO/AUTH or from the handshake. */
export interface MuxOptions {
  /** The opener (client, dialer) uses odd stream numbers, the acceptor even ones. Both may open. */
  readonly role: 'opener' | 'acceptor';
  readonly clock: Clock;
  /** Shared by all muxes of a process. */
  readonly budget: MemoryBudget;
  /** Largest DATA body sent and accepted, without the OPEN part. */
  readonly maxBodyBytes: number;
  /** Largest OPEN body sent and accepted. */
  readonly maxOpenBytes: number;
  /** Credit the peer has on every new stream. */
  readonly receiveWindowBytes: number;
  /** Bound of window growth. */
  readonly maxReceiveWindowBytes: number;
  /** Credit we have on every new stream: the peer's `receiveWindowBytes`. */
  readonly sendWindowBytes: number;
  /** Streams the peer may have open; further ones are RESET(BUSY). */
  readonly maxInboundStreams: number;
  /** The peer's `maxInboundStreams`. */
  readonly maxOutboundStreams: number;
  /** MESSAGE frames exist on the WebSocket only; elsewhere they are fatal. */
  readonly allowMessages: boolean;
  readonly handler: MuxHandler;
  /** For turns among groups of streams; by default all streams take turns with one another. */
  readonly scheduler?: GroupScheduler;
}

/** Whole frames, ready for one message or one record. The memory is never reused by the mux. */
export interface MuxBatch {
  /** Headers and bodies in order; bodies are the chunks that were written, by reference. */
  readonly chunks: Uint8Array[];
  /** The sum of the chunks' lengths. */
  readonly bytes: number;
  /** No DATA and no MESSAGE: only credit, reset, ping, pong and goaway. */
  readonly onlyControl: boolean;
  /** Streams whose FIN is in this batch. */
  readonly streamsWithFin?: readonly MuxStream[];
}

export interface PullOptions {
  /** Take only credit, reset, ping, pong and goaway; data and messages stay where they are. */
  readonly onlyControl?: boolean;
}

export interface OpenStreamOptions {
  /** The OPEN waits for the first write, `end` or `sendOpen`, so that it shares their frame. Default false. */
  readonly holdUntilData?: boolean;
  /** With a `GroupScheduler`, see `MuxStream.group`; the OPEN is sent in its turn, too. */
  readonly group?: object;
}

/** Counters since the mux was made; they only grow. */
export interface MuxStatistics {
  readonly framesReceived: number;
  readonly framesSent: number;
  /** DATA bodies without their OPEN part. */
  readonly dataBytesReceived: number;
  readonly dataBytesSent: number;
  readonly streamsOpened: number;
  readonly streamsAccepted: number;
  /** OPENs answered by us with RESET(BUSY) or RESET(REFUSED) before anyone saw them. */
  readonly streamsRefused: number;
  /** Frames for streams that are closed. */
  readonly framesIgnored: number;
  readonly resetsReceived: number;
  readonly resetsSent: number;
}
