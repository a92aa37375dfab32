import type { GoAway, MemoryBudget, MuxStream, StreamHandler } from '@sealane/mux';
import type { ControlMessage, Superseded } from '@sealane/protocol';
import type { Clock, MessageLink, SealaneError } from '@sealane/types';
import type { Authentication } from './authentication.js';
import type { RelayLink } from './relay-link.js';
import type { ClientTimingConfig } from './timing.js';

/** A stream of the link; also told about control messages on it. */
export interface LinkStreamHandler extends StreamHandler {
  onMessage(message: ControlMessage): void;
}

export interface RelayLinkHandler {
  onUp(link: RelayLink): void;
  /** Called once, also when the link never came up. */
  onEnd(link: RelayLink, error: SealaneError): void;
  /** The relay forwards a request: set `stream.handler` or reset the stream. */
  onForward(link: RelayLink, stream: MuxStream, open: Uint8Array): void;
  onSuperseded(link: RelayLink, message: Superseded): void;
  onGoAway(link: RelayLink, goAway: GoAway): void;
}

export interface RelayLinkOptions {
  readonly transport: MessageLink;
  readonly authentication: Authentication;
  readonly clock: Clock;
  readonly timing: ClientTimingConfig;
  readonly budget: MemoryBudget;
  readonly receiveWindowBytes: number;
  readonly maxInboundStreams: number;
  readonly handler: RelayLinkHandler;
}
