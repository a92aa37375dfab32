export { connect, DialClient } from '../dial-client.js';
