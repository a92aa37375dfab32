import type { Session } from './session.js';

export interface ConnectionStatistics {
  /** Application bytes. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly recordsSent: number;
  readonly recordsReceived: number;
  readonly streamsOpened: number;
  readonly streamsAccepted: number;
  readonly streamsOpen: number;
  /** Round trip through the peer, undefined before the first measurement. */
  readonly rttMs: number | undefined;
  /** How often another path carried it on. */
  readonly resumptions: number;
  /** The last time that this happened: when, on the client's clock, and the milliseconds without a path before. */
  readonly lastResumption: { readonly atMs: number; readonly gapMs: number } | undefined;
}

export function measureSession(session: Session, streamsOpen: number): ConnectionStatistics {
  const { mux, recordsSent, recordsReceived, recovery } = session;
  const { dataBytesSent, dataBytesReceived, streamsOpened, streamsAccepted } = mux.statistics;
  return {
    bytesSent: dataBytesSent,
    bytesReceived: dataBytesReceived,
    recordsSent,
    recordsReceived,
    streamsOpened,
    streamsAccepted,
    streamsOpen,
    rttMs: mux.rttMs,
    resumptions: recovery?.resumptions ?? 0,
    lastResumption: recovery?.lastResumption,
  };
}
