export { type PipeSocketOptions, type PipeSocketResult, pipeSocket } from './pipe-socket.js';
export { toDuplex } from './to-duplex.js';
