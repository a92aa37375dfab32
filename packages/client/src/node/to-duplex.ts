import type { Duplex } from 'node:stream';
import type { SecureStream } from '../session/secure-stream.js';

/** The stream as a Node Duplex with `allowHalfOpen`. */
export declare const toDuplex: (stream: SecureStream) => Duplex;
