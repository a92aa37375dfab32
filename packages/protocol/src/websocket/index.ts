export {
  applyWebSocketMask,
  WEBSOCKET_CONTROL_BYTES,
  WEBSOCKET_HEADER_MAX_BYTES,
  WEBSOCKET_MASK_BYTES,
  WebSocketOpcode,
  writeWebSocketHeader,
} from './websocket-header.js';
export {
  WebSocketCloseCode,
  WebSocketReader,
  type WebSocketReaderHandler,
  type WebSocketReaderOptions,
} from './websocket-reader.js';
