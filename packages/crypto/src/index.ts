export { Blake2b, blake2b } from './primitives/blake2b.js';
export { bytesEqual, wipe } from './primitives/bytes.js';
export { loadCrypto } from './sodium.js';
