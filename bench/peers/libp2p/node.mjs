// What the three programs have in common: a node over TCP with Noise and Yamux, and the pump between stream and socket.
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import { identify } from '@libp2p/identify';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';

// libp2p 3 needs it, and Node has it from version 22 on.
Promise.withResolvers ??= function withResolvers() {
  let resolve;
  let reject;
  const promise = new this((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};

export const protocol = '/sealane-bench/1.0.0';
/** Far above what the benchmark opens: libp2p's own default is 32. */
export const maxStreams = 4_096;

export function createNode({ listen, services = {} }) {
  return createLibp2p({
    addresses: { listen },
    transports: [tcp(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    // Its ping waits behind bulk for longer than its time-out, and by default that ends the connection.
    connectionMonitor: { abortConnectionOnPingFailure: false },
    streamMuxers: [yamux({ maxInboundStreams: maxStreams, maxOutboundStreams: maxStreams })],
    services: { identify: identify(), ...services },
  });
}

/** Both ways, with backpressure and half-closes. */
export function pump(stream, socket) {
  stream.addEventListener('message', ({ data }) => {
    // A list of pieces knows how to be one.
    const chunk = data instanceof Uint8Array ? data : data.subarray();
    if (!socket.write(chunk)) stream.pause();
  });
  socket.on('drain', () => {
    if (stream.status === 'open') stream.resume();
  });
  stream.addEventListener('remoteCloseWrite', () => socket.end());
  stream.addEventListener('close', () => socket.destroySoon());

  socket.on('data', (chunk) => {
    if (stream.status !== 'open') return;
    if (stream.send(chunk)) return;
    socket.pause();
    stream.onDrain().then(
      () => socket.resume(),
      () => socket.destroy(),
    );
  });
  socket.on('end', () => stream.close().catch(() => {}));
  socket.on('error', () => stream.abort(new Error('the socket broke')));
  socket.on('close', () => {
    if (stream.status === 'open') stream.abort(new Error('the socket was closed'));
  });
}

/** For the parent: we are there; and we end with it. */
export function ready(values) {
  process.once('disconnect', () => process.exit(0));
  process.send(values);
}
