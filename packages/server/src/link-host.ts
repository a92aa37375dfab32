import type { MuxStream } from '@sealane/mux';
import type { ControlMessage } from '@sealane/protocol';
import type { RelayLink } from './link.js';
import type { IpAddress } from './policy/ip-address.js';
import type { Usage } from './policy/usage.js';

/** Where a link comes from. */
export interface LinkOrigin {
  readonly onUp?: () => void;
  /** The books of its address; undefined if that is exempt, or if there is none. */
  readonly usage?: Usage | undefined;
  /** Of the client; undefined if nobody says it. */
  readonly ip?: IpAddress | undefined;
}

/** What a relay does with a link's traffic. Whatever these throw ends the link, never the process. */
export interface LinkHost {
  /** Last word before AUTH_OK: throws a relay error to refuse. */
  onAuthenticated(link: RelayLink): void;
  onRequest(link: RelayLink, message: ControlMessage): void;
  onOpen(link: RelayLink, stream: MuxStream, open: Uint8Array): void;
  onStreamMessage(link: RelayLink, stream: MuxStream, body: Uint8Array): void;
  /** Once for each link; `wasUp` if `onAuthenticated` had let it in. */
  onEnd(link: RelayLink, reason: string, wasUp: boolean): void;
}
