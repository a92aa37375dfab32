export { atCallbackEnd, atTurnEnd, beginCallback, type CallbackEndTask, endCallback } from './callback-end.js';
export { LargeReads } from './large-reads.js';
export { PieceWriter } from './piece-writer.js';
export { spaceOutCollections } from './space-out-collections.js';
export {
  WebSocketConnection,
  type WebSocketObserver,
  type WebSocketSettings,
  webSocketSettings,
} from './websocket-connection.js';
export type { WebSocketMask } from './websocket-sender.js';
