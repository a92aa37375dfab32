export { connect, ListenClient } from '../listen-client.js';
export { allowAny, allowIds } from '../policy.js';
