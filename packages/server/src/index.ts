export { loadServerIdentity, type ServerIdentity } from './data-dir.js';
export { type DataDirLock, isDataDirLocked, lockDataDir } from './data-dir-lock.js';
export type { LeaseEndReason, RefusalName, RefusalStage, RelayEvent, RequestTrace, WarningCode } from './event.js';
export type { IdentityView, LeaseView, RelayInspection, SessionView } from './inspection.js';
export type { Awaitable, ClaimOptions, ClaimResult, LeaseRecord, LeaseStore, PublicPage } from './lease-store.js';
export { type RelayLimits, resolveLimits } from './limits.js';
export { MemoryLeaseStore } from './memory-lease-store.js';
export type { HistogramSnapshot } from './metrics/latency-histogram.js';
export type { ConnectOutcome, RequestKind } from './metrics/relay-meter.js';
export type { RefusalCount, RelayMetrics } from './metrics/relay-metrics.js';
export type { JournalName, NameJournal } from './name-journal.js';
export type {
  RelayAddress,
  RelayAttachOptions,
  RelayListenOptions,
  RelayServerOptions,
  RelayStatistics,
} from './options.js';
export { firstPage, type Page, type PageQuery } from './page.js';
export type { Ban, BanKind, BanOptions } from './policy/ban.js';
export type { BanList } from './policy/ban-list.js';
export { type BanStore, MemoryBanStore } from './policy/ban-store.js';
export { isNetwork } from './policy/ip-network.js';
export { isReservable, parseReservedName, type ReservedName } from './policy/reserved-names.js';
export type { RelayOperations } from './relay-operations.js';
export { RelayServer } from './relay-server.js';
