// A backend, and what goes to it through a tunnel, in a process of its own. The first byte of a connection says what the
// backend does: `E` sends everything back, `N` never reads. JSON lines on stdout; commands as JSON lines on stdin:
// {"do":"echo","to":T,"bytes":N} sends so many bytes and checks each that comes back, both at once;
// {"do":"stall","to":T,"count":N} opens connections that nobody reads and writes to each what it takes.
// T is {"port"} or {"path"}; with a path as its argument the backend listens there: the system holds some 200 KiB for a unix
// socket that nobody reads, and several MiB for one of TCP.
import net from 'node:net';
import { createInterface } from 'node:readline';

/** A prime length, so that no block is like its neighbours; twice, so that each piece lies in one part. */
const patternBytes = 1_000_003;
const pattern = Buffer.alloc(2 * patternBytes);
for (let index = 0, state = 1; index < patternBytes; index++) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  pattern[index] = state >>> 24;
}
pattern.copy(pattern, patternBytes, 0, patternBytes);

const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', (first) => {
    if (first[0] === 0x4e) {
      socket.pause();
      return;
    }
    if (first.length > 1) socket.write(first.subarray(1));
    socket.pipe(socket);
  });
});
server.listen(process.argv[2] ?? { port: 0, host: '127.0.0.1', backlog: 1_024 }, () =>
  tell({ event: 'backend', port: server.address().port ?? 0 }),
);
createInterface({ input: process.stdin }).on('line', (line) => {
  const { do: what, ...options } = JSON.parse(line);
  if (what === 'echo') echo(options);
  else void stall(options);
});

function echo({ to, bytes }) {
  const socket = net.connect({ ...to, noDelay: true, allowHalfOpen: true });
  let sent = 0;
  let received = 0;
  let isRight = true;
  const fill = () => {
    while (sent < bytes) {
      const from = sent % patternBytes;
      const length = Math.min(65_536, bytes - sent);
      sent += length;
      if (!socket.write(pattern.subarray(from, from + length))) return;
    }
    socket.end();
  };
  socket.on('drain', fill);
  socket.on('data', (chunk) => {
    const from = received % patternBytes;
    isRight &&= chunk.equals(pattern.subarray(from, from + chunk.length));
    received += chunk.length;
  });
  const startMs = performance.now();
  const done = (end) => tell({ event: 'echo', end, received, isRight, ms: Math.round(performance.now() - startMs) });
  socket.on('error', () => done('reset'));
  socket.once('end', () => done('fin'));
  socket.write('E');
  fill();
}

async function stall({ to, count }) {
  const state = { open: 0, broken: 0, written: 0 };
  for (let opened = 0; opened < count; opened++) {
    const socket = net.connect({ ...to, noDelay: true });
    await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve));
    state.open++;
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      state.open--;
      state.broken++;
    });
    const fill = () => {
      while (!socket.destroyed && socket.write(pattern.subarray(0, 65_536), () => (state.written += 65_536)));
    };
    socket.on('drain', fill);
    socket.write('N');
    fill();
  }
  // They stand still when two seconds have brought nothing.
  for (let before = -1; before !== state.written; ) {
    before = state.written;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
  tell({ event: 'stalled', ...state });
}

function tell(event) {
  console.log(JSON.stringify(event));
}
