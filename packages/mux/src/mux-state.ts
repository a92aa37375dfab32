import type { GoAway } from '@sealane/protocol';
import type { SealaneError } from '@sealane/types';

/** What both halves of a mux look at. */
export class MuxState {
  closedBy: (() => SealaneError) | undefined;
  /** The highest stream of the peer that we serve, once we said so. */
  goAwaySent: number | undefined;
  goAwayReceived: GoAway | undefined;
  readonly counters = {
    framesReceived: 0,
    dataBytesReceived: 0,
    streamsOpened: 0,
    streamsAccepted: 0,
    streamsRefused: 0,
    framesIgnored: 0,
    resetsReceived: 0,
  };
}
