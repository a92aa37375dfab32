export type { GoAway } from '@sealane/protocol';
export { GroupScheduler } from './group-scheduler.js';
export { joinChunks } from './join-chunks.js';
export { type BudgetMember, MemoryBudget } from './memory-budget.js';
export { Mux } from './mux.js';
export type {
  GoAwayOptions,
  MuxBatch,
  MuxHandler,
  MuxOptions,
  MuxStatistics,
  OpenStreamOptions,
  PullOptions,
} from './mux-options.js';
export type { MuxStream } from './mux-stream.js';
export { type Placed, PlaceList } from './place-list.js';
export type { ChunkGroup } from './send-queue.js';
export type { StreamHandler } from './stream-handler.js';
export { TokenBucket } from './token-bucket.js';
