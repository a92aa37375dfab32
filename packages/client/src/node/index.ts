export { type PipeSocketOptions, type PipeSocketResult, pipeSocket, pipeSocketOptions } from './pipe-socket.js';
export { toDuplex } from './to-duplex.js';
