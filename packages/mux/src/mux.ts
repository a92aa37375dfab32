import type { SealaneError } from '@sealane/types';
import type {
  GoAwayOptions,
  MuxBatch,
  MuxOptions,
  MuxStatistics,
  OpenStreamOptions,
  PullOptions,
} from './mux-options.js';
import { MuxStream } from './mux-stream.js';
import type { StreamHandler } from './stream-handler.js';

export class Mux {
  constructor(_options: MuxOptions) {}
  get hasPending(): boolean {
    return false;
  }
  get isClosed(): boolean {
    return false;
  }
  get streamCount(): number {
    return 0;
  }
  get unsentControlBytes(): number {
    return 0;
  }
  get rttMs(): number | undefined {
    return undefined;
  }
  get minRttMs(): number | undefined {
    return undefined;
  }
  /** Clock time at which the PING that waits for its PONG was handed to a batch. */
  get pingPendingSinceMs(): number | undefined {
    return undefined;
  }
  get statistics(): Readonly<MuxStatistics> {
    throw new Error('not yet');
  }
  /** All live streams, in no particular order. */
  streams(): IterableIterator<MuxStream> {
    return new Map<number, MuxStream>().values();
  }
  receive(_frames: Uint8Array): void {}
  pull(_maxBytes: number, _options?: PullOptions): MuxBatch | undefined {
    return undefined;
  }
  openStream(_open: Uint8Array, _handler: StreamHandler, _options?: OpenStreamOptions): MuxStream {
    return new MuxStream();
  }
  /** Stream 0 is the link. */
  sendMessage(_stream: MuxStream | 0, _body: Uint8Array): void {}
  ping(): Promise<number> {
    return Promise.resolve(0);
  }
  goAway(_options: GoAwayOptions): void {}
  close(_error: SealaneError): void {}
}
