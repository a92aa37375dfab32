// One hop of the floor: a plain TCP forwarder. `node forwarder.mjs TARGET_PORT`; sends its own port to the parent.
import net from 'node:net';

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
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => process.send({ port: server.address().port }));
process.once('disconnect', () => process.exit(0));
