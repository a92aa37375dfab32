export { blake2b } from './primitives/blake2b.js';
export { Blake2b } from './primitives/blake2b-stream.js';
export { bytesEqual, wipe } from './primitives/bytes.js';
export { loadCrypto } from './sodium.js';
