export { flipBit, isDataFrom, onConnect, onData, onForward, onMessage, onRecords, type Sender } from './attacks.js';
export type { HostileLink } from './hostile-link.js';
export { type Attack, HostileRelay, type HostileRelayOptions } from './hostile-relay.js';
export type { HostileStream } from './hostile-stream.js';
export { ownAuthentication } from './own-authentication.js';
export {
  dataFrames,
  forwardFrame,
  messageFrame,
  type RawFrame,
  requestFrame,
  resetFrame,
  SeenFrame,
} from './seen-frame.js';
