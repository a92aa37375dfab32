export {
  type AddressParts,
  type DialTarget,
  formatAddress,
  formatRelayUrl,
  parseAddress,
  parseRelayUrl,
  type RelayLocation,
  type SealaneAddress,
} from './address.js';
export { type KeycertOrigin, type KeycertStore, MemoryKeycertStore } from './keycert-store.js';
export type { Listener } from './listener.js';
export {
  type ClientTimingOptions,
  type CredentialSource,
  DEFAULT_ALPN,
  type DialOptions,
  type DialTicket,
  type ListenOptions,
  type OpenStreamOptions,
  type RelayClientOptions,
  type ResumptionOptions,
  type StreamRequest,
} from './options.js';
export { MemoryPinStore, type NamePin, type PinStore } from './pin-store.js';
export { type AcceptDecision, type AcceptPolicy, allowAny, allowIds, type PeerRequest } from './policy.js';
export type { PublicLease } from './public-leases.js';
export { connect, RelayClient } from './relay-client.js';
export type { FoundOwner } from './resolver.js';
export type { ConnectionStatistics } from './session/connection-statistics.js';
export { type KeptAccount, KeptBudget, type KeptBudgetOptions, type KeptOwner } from './session/kept-budget.js';
export type { CloseOptions, SecureConnection } from './session/secure-connection.js';
export type { SecureStream } from './session/secure-stream.js';
export type { StreamPort, StreamSink } from './session/stream-port.js';
export type { ClientStatistics, LinkStatus, LinkUse, StatusEvent, StatusListener } from './status.js';
export type { TransportFactory, TransportOptions } from './transport/transport.js';
