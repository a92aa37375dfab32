// The load generator. The parent says `start` with a port, a kind and a width, `snapshot`, and `stop`.
import net from 'node:net';
import { answer, ready } from './answer.mjs';

const block = Buffer.alloc(65_536, 0x5a);
const exchangeBytes = 64;
const request = Buffer.alloc(exchangeBytes, 0x21);
let run;

answer({
  start: (options) => {
    run = start(options);
  },
  snapshot: () => {
    const { bytes, count, failures, latencies } = run.state;
    run.state.latencies = [];
    return { timeMs: performance.now(), bytes, count, failures, latencies };
  },
  stop: () => run.stop(),
});
ready();

function start({ port, kind, width }) {
  const state = { bytes: 0, count: 0, failures: 0, latencies: [], isRunning: true };
  const sockets = new Set();
  const open = (onConnect) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }, () =>
      onConnect(socket),
    );
    sockets.add(socket);
    socket.on('error', () => {
      if (state.isRunning) state.failures++;
      socket.destroy();
    });
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  for (let index = 0; index < width; index++) kinds[kind](state, open);
  return {
    state,
    stop: () => {
      state.isRunning = false;
      // What waits in sockets would go on through the path for seconds, at the cost of whoever is measured next.
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
}

const kinds = {
  up(state, open) {
    open((socket) => {
      const fill = () => {
        while (state.isRunning && !socket.destroyed && socket.write(block));
      };
      socket.write('S');
      socket.on('drain', fill);
      fill();
    });
  },

  down(state, open) {
    open((socket) => {
      socket.write('D');
      socket.on('data', (chunk) => {
        state.bytes += chunk.length;
      });
    });
  },

  requests(state, open) {
    open((socket) => {
      let pending = 0;
      let sentMs = 0;
      const send = () => {
        pending = exchangeBytes;
        sentMs = performance.now();
        socket.write(request);
      };
      socket.on('data', (chunk) => {
        pending -= chunk.length;
        if (pending > 0) return;
        state.latencies.push(performance.now() - sentMs);
        state.count++;
        if (state.isRunning) send();
      });
      socket.write('E');
      send();
    });
  },

  connections(state, open) {
    const next = () => {
      if (!state.isRunning) return;
      let pending = exchangeBytes;
      const startMs = performance.now();
      const socket = open(() => {
        socket.write(Buffer.concat([Buffer.from('E'), request]));
      });
      socket.on('data', (chunk) => {
        pending -= chunk.length;
        if (pending > 0) return;
        state.latencies.push(performance.now() - startMs);
        state.count++;
        socket.end();
        next();
      });
      socket.on('end', () => {
        if (pending > 0) state.failures++;
        socket.end();
      });
      socket.on('close', (hadError) => {
        // A refused connection must not end the slice.
        if (hadError && pending > 0) setTimeout(next, 10);
      });
    };
    next();
  },
};
