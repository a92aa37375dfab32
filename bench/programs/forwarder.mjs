// One hop of the floor: a plain TCP forwarder. `node forwarder.mjs TARGET_PORT`
import net from 'node:net';
import { answer, ready } from './answer.mjs';

const target = Number(process.argv[2]);
const options = { allowHalfOpen: true, noDelay: true };

const server = net.createServer(options, (socket) => {
  const next = net.connect({ port: target, host: '127.0.0.1', ...options });
  socket.pipe(next);
  next.pipe(socket);
  for (const [one, other] of [
    [socket, next],
    [next, socket],
  ]) {
    one.on('error', () => one.destroy());
    // Whatever ended one side for good ends the other.
    one.on('close', () => {
      if (!(one.readableEnded && one.writableFinished)) other.destroy();
    });
  }
});
answer({});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => ready({ port: server.address().port }));
