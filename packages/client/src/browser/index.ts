export {
  type BrowserIdentity,
  type BrowserIdentityOptions,
  type IdentityProtection,
  openBrowserIdentity,
} from './browser-identity.js';
export { BrowserKeycertStore } from './browser-keycert-store.js';
export { BrowserPinStore } from './browser-pin-store.js';
