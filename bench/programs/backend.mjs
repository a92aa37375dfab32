// What stands behind all paths. A connection's first byte says what it does: sink, source, or echo.
import net from 'node:net';
import { answer, ready } from './answer.mjs';

const block = Buffer.alloc(65_536, 0x5a);
let receivedBytes = 0;

const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', (first) => {
    const rest = first.subarray(1);
    if (first[0] === 0x53) sink(socket, rest);
    else if (first[0] === 0x44) source(socket);
    else echo(socket, rest);
  });
  // Paths that open ahead of the first byte, and those that were never used, end here as well.
  socket.on('end', () => socket.end());
});
answer({ snapshot: () => ({ timeMs: performance.now(), bytes: receivedBytes }) });
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => ready({ port: server.address().port }));

function sink(socket, rest) {
  receivedBytes += rest.length;
  socket.on('data', (chunk) => {
    receivedBytes += chunk.length;
  });
}

function source(socket) {
  const fill = () => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', fill);
  fill();
}

function echo(socket, rest) {
  if (rest.length > 0) socket.write(rest);
  socket.on('data', (chunk) => socket.write(chunk));
}
