export { encodeAccessSecret, generateAccessSecret, parseAccessSecret } from './access-secret.js';
export { type Keycert, type Nodecert, parseKeycert, parseNodecert } from './certificate.js';
export { Credential, createNodecert } from './credential.js';
export { encodeId, isIdLike, parseId } from './id.js';
export type { Identity, LocalHandshakeKey, RemoteHandshakeKey } from './identity.js';
export { createMemoryIdentity } from './memory-identity.js';
export { SigningKey } from './signing-key.js';
