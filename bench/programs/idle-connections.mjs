// Holds connections that did one exchange and then nothing. The parent says `hold` with how many there shall be.
import net from 'node:net';
import { answer, ready, runAll } from './answer.mjs';

const port = Number(process.argv[2]);
const width = 16;
const attempts = 5;
const held = [];

answer({
  hold: async ({ count }) => {
    await runAll(count - held.length, width, async () => {
      held.push(await open(attempts));
    });
    return { count: held.length, lost: held.filter((socket) => socket.destroyed).length };
  },
});
ready();

async function open(left) {
  try {
    return await connectAndExchange();
  } catch (error) {
    if (left <= 1) throw error;
    return await open(left - 1);
  }
}

function connectAndExchange() {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write('E!'));
    socket.once('data', () => resolve(socket));
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('closed before the echo')));
  });
}
