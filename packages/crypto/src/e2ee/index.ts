export { DialerHandshake, type DialerHandshakeOptions, type DialerResult } from './handshake/dialer-handshake.js';
export type { HandshakeCredential } from './handshake/handshake-keys.js';
export {
  type AcceptOptions,
  OwnerHandshake,
  type OwnerHandshakeOptions,
  type OwnerResult,
} from './handshake/owner-handshake.js';
export { createInstance } from './instance.js';
export { CipherState } from './noise/cipher-state.js';
export type { HandshakePattern, MessagePattern, Token } from './noise/handshake-pattern.js';
export {
  type AgreeingKey,
  type KeyPair,
  NoiseHandshake,
  type NoiseHandshakeOptions,
  type NoiseSplit,
} from './noise/noise-handshake.js';
export { blake2bHash, type NoiseHash } from './noise/noise-hash.js';
export { parsePattern } from './noise/patterns.js';
export { encodeAbort, encodeFramesPrefix, type FramesBody, parseAbort, parseFrames } from './records/record-body.js';
export { type OpenedRecord, RecordOpener } from './records/record-opener.js';
export { RecordReader } from './records/record-reader.js';
export { RecordSealer, type SealOptions } from './records/record-sealer.js';
export { RESUME_BYTES, type ResumeState, Resumption } from './resumption.js';
export { SessionKeys } from './session-keys.js';
export type { SessionParameters } from './session-parameters.js';
export type { SessionRole } from './session-role.js';
