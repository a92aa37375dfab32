export * from './v1/clock.js';
export * from './v1/code-errors.js';
export { ErrorCode, isSealaneError, SealaneError, type SealaneErrorOptions } from './v1/error.js';
export { isIntegerWithin } from './v1/integers.js';
export * from './v1/limits.js';
export * from './v1/names.js';
export * from './v1/transport.js';
export * from './v1/wire.js';
