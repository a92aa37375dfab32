import { MessageKind } from '@sealane/types';
import { LatencyHistogram } from './latency-histogram.js';

/** How a request for a connection ended that was forwarded to its owner. */
export type ConnectOutcome = 'accepted' | 'refused' | 'failed';

export type RequestKind = 'register' | 'renew' | 'release' | 'lookup' | 'list' | 'present' | 'other';

/** Bytes of one direction, in an object so that all sessions add to the same. */
export interface ByteCounter {
  bytes: number;
}

/** What the parts of a relay count while they work; one object for all of them, read by `RelayServer.metrics()`. */
export class RelayMeter {
  readonly toOwners: ByteCounter = { bytes: 0 };
  readonly toDialers: ByteCounter = { bytes: 0 };
  readonly requests: Record<RequestKind, number> = {
    register: 0,
    renew: 0,
    release: 0,
    lookup: 0,
    list: 0,
    present: 0,
    other: 0,
  };
  connects = 0;
  resumes = 0;
  resumedSessions = 0;
  /** From a request to the answer that the dialer is sent, the owner's time among it. */
  readonly connect: Readonly<Record<ConnectOutcome, LatencyHistogram>> = {
    accepted: new LatencyHistogram(),
    refused: new LatencyHistogram(),
    failed: new LatencyHistogram(),
  };
  /** The relay's own part of it: until the request is with the owner's link. */
  readonly forward: LatencyHistogram = new LatencyHistogram();
  /** From message 1 on its way to the owner to message 2 on its way to the dialer. */
  readonly handshake: LatencyHistogram = new LatencyHistogram();

  countRequest(kind: MessageKind): void {
    this.requests[requestKinds.get(kind) ?? 'other']++;
  }
}

const requestKinds: ReadonlyMap<MessageKind, RequestKind> = new Map([
  [MessageKind.REGISTER, 'register'],
  [MessageKind.RENEW, 'renew'],
  [MessageKind.RELEASE, 'release'],
  [MessageKind.LOOKUP, 'lookup'],
  [MessageKind.LIST, 'list'],
  [MessageKind.PRESENT, 'present'],
]);
