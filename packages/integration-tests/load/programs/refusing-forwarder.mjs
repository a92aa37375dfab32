// The floor under a flood: one process that forwards and refuses, and does both as cheaply as Node can.
// `node refusing-forwarder.mjs TARGET_PORT`; it tells the ports of the forwarder and of its two refusers.
import net from 'node:net';
import { answer, ready } from '../../../../bench/programs/answer.mjs';

const target = Number(process.argv[2]);
const options = { allowHalfOpen: true, noDelay: true };
const busy = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

const forward = await listen(
  net.createServer(options, (socket) => {
    const next = net.connect({ port: target, host: '127.0.0.1', ...options });
    for (const each of [socket, next]) each.on('error', () => each.destroy());
    socket.pipe(next);
    next.pipe(socket);
    socket.on('close', () => next.destroy());
    next.on('close', () => socket.destroy());
  }),
);
/** Not even a word. */
const destroy = await listen(
  net.createServer((socket) => {
    socket.on('error', () => {});
    socket.destroy();
  }),
);
/** HTTP 503, whatever is asked. */
const answer503 = await listen(
  net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.resume();
    socket.end(busy);
  }),
);
answer({});
ready({ forward, destroy, answer503 });

function listen(server) {
  return new Promise((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 }, () => resolve(server.address().port));
  });
}
