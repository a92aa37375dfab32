export { type StoredHandshakeKey, WebCredential, type WebCredentialRecord } from './web-credential.js';
export type { PlatformKey } from './web-keys.js';
