import type { ListenOptions } from '../options.js';
import type { PeerRequest } from '../policy.js';
import type { SecureConnection } from '../session/secure-connection.js';

/** A service of this identity, as the handshake sees it. */
export interface OwnedService {
  readonly service: string;
  readonly options: ListenOptions;
  readonly instance: Uint8Array;
  /** Confirmed sessions of one peer that have not begun to close. */
  openSessionsOf(peerId: string): number;
  /** A peer confirmed its session: it may reach the application from now on. */
  onConnection(connection: SecureConnection, peer: PeerRequest): void;
  onConnectionEnd(connection: SecureConnection): void;
}
