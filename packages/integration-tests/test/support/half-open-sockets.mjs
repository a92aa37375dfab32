// Opens sockets that stop halfway and tells which of them the relay still holds.
// node half-open-sockets.mjs PORT COUNT KIND: JSON lines on stdout; a line on stdin asks again.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [port, count] = process.argv.slice(2, 4).map(Number);
const kind = process.argv[4] ?? '';
const head =
  'GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sealane.1\r\n';
/** What each kind says; `upgraded` waits for HELLO and then says nothing. */
const saying = { tcp: '', head, upgraded: `${head}\r\n` };

const BATCH = 100;
const sockets = [];
for (let index = 0; index < count; index += BATCH) {
  sockets.push(
    ...(await Promise.all(Array.from({ length: Math.min(BATCH, count - index) }, () => open(saying[kind])))),
  );
}
tell('opened');
createInterface({ input: process.stdin }).on('line', () => tell('report'));

function open(text) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const state = { isOpen: true };
  socket.on('error', () => socket.destroy());
  socket.once('close', () => {
    state.isOpen = false;
  });
  socket.resume();
  return new Promise((resolve) => {
    const done = () => resolve(state);
    socket.once('close', done);
    socket.once('connect', () => {
      if (text !== '') socket.write(text);
      if (text.endsWith('\r\n\r\n')) socket.once('data', done);
      else done();
    });
  });
}

/** The indexes of the sockets that are open, as ranges. */
function tell(event) {
  const ranges = [];
  for (const [index, { isOpen }] of sockets.entries()) {
    if (!isOpen) continue;
    const last = ranges.at(-1);
    if (last?.[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  console.log(JSON.stringify({ event, open: ranges }));
}
