export * from './aead.js';
export * from './blake2b.js';
export * from './blake2b-stream.js';
export * from './bytes.js';
export * from './ed25519.js';
export * from './ml-kem.js';
export * from './x25519.js';
