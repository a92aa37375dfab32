export * from './frames/for-each-frame.js';
export { encodeCredit, encodePing, encodeReset, parseCredit, parsePing, parseReset } from './frames/frame-bodies.js';
export * from './frames/frame-header.js';
export * from './frames/goaway.js';
export * from './frames/open-body.js';
export * from './frames/stream-open.js';
