export { SeededVerifier, seededChunks, seededSha256 } from './byte-source.js';
export type { ProcessEvent, WaitOptions } from './event-log.js';
export {
  FaultyWire,
  type FaultyWireOptions,
  type WireAction,
  type WireChunk,
  type WireDirection,
  type WireMessage,
} from './faulty-wire.js';
export { readHeapCensus } from './heap-census.js';
export {
  createLinkPair,
  type LinkFault,
  type LinkMessage,
  type LinkPairOptions,
  type SimulatedLink,
} from './link-pair.js';
export { photographQr } from './photograph-qr.js';
export { cpuSeconds, peakMemoryBytes, resetPeakMemory, residentBytes } from './proc-status.js';
export {
  type ProcessExit,
  type ProcessOptions,
  runProcess,
  startProcess,
  stopAllProcesses,
  TestProcess,
} from './process.js';
export {
  findProgram,
  hasProgram,
  isLongRun,
  requireLongRun,
  requireProgram,
  type SkippableTest,
  skipTest,
} from './programs.js';
export { type SeededRandom, seededRandom } from './seeded-random.js';
export {
  connectTo,
  type StreamEnd,
  startServer,
  streamEnd,
  type Target,
  type TestServer,
  type TestServerOptions,
  writeAll,
} from './tcp.js';
export {
  collect,
  type ExchangeOptions,
  exchange,
  type Received,
  type SinkServer,
  type SlowServerOptions,
  startEchoServer,
  startHalfCloseServer,
  startSink,
  startSource,
  startStalledServer,
  startThrottledServer,
} from './tcp-servers.js';
export { settle, VirtualClock, type VirtualClockOptions } from './virtual-clock.js';
export { encodeWebSocketFrame, type WebSocketFrame, WebSocketFramer } from './websocket-framer.js';
