// The two ends of a hop as wires: bytes in parts out, what arrives in parts, and whether it is full.
import { CipherState, RecordOpener, RecordReader, RecordSealer } from '../../packages/crypto/dist/e2ee/index.js';
import { WebSocketConnection, webSocketSettings } from '../../packages/mux/dist/node/index.js';
import { ProtocolSize, RecordType } from '../../packages/types/dist/index.js';

const maxPlaintext = ProtocolSize.RECORD_PLAINTEXT_MAX;
/** Queued bytes above which whoever fills a wire stops reading. */
const fullBytes = 131_072;

/** Joins two wires both ways; who reads too fast for the other one waits. */
export function join(one, other) {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ]) {
    from.onData = (parts, bytes) => {
      to.send(parts, bytes);
      if (to.isFull) from.pause();
    };
    to.onDrain = () => from.resume();
    from.onEnd = () => to.end();
  }
  one.start();
  other.start();
}

/** The socket itself. What one turn of the event loop brings is one write. */
export function plain(socket) {
  let isCorked = false;
  const wire = {
    send(parts) {
      if (!isCorked) {
        isCorked = true;
        socket.cork();
        process.nextTick(() => {
          isCorked = false;
          socket.uncork();
        });
      }
      for (const part of parts) socket.write(part);
    },
    get isFull() {
      return socket.writableLength >= fullBytes;
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.destroy(),
    start() {
      socket.on('data', (chunk) => wire.onData([chunk], chunk.length));
      socket.on('drain', () => wire.onDrain());
      socket.on('close', () => wire.onEnd());
      socket.on('error', () => {});
    },
  };
  return wire;
}

/** One WebSocket message for what is sent at once. A `client` masks with zeros. */
export function webSocket(socket, side) {
  const settings = webSocketSettings({
    mask: side === 'client' ? 'zero' : 'none',
    maxMessageBytes: ProtocolSize.MESSAGE,
    lowMarkBytes: () => fullBytes,
    closeWaitMs: 1_000,
  });
  const connection = new WebSocketConnection(socket, new Uint8Array(0), settings);
  const wire = {
    connection,
    send: (parts, bytes) => connection.sendParts(parts, bytes),
    get isFull() {
      return connection.queuedBytes >= fullBytes;
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => connection.abort(),
    start: () =>
      connection.start({
        onMessage: (message) => wire.onData([message], message.length),
        onParts: (parts) =>
          wire.onData(
            parts,
            parts.reduce((sum, { length }) => sum + length, 0),
          ),
        onDrain: () => wire.onDrain(),
        onEnd: () => wire.onEnd(),
      }),
  };
  return wire;
}

/** What is sent over `wire` is sealed, a record for each piece, and what arrives is opened. Keys are fixed: nobody attacks a benchmark. */
export function sealed(wire, role) {
  const { seal, open } = sealing(role);
  const outer = {
    send(parts) {
      for (const part of parts) {
        for (let at = 0; at < part.length; at += ProtocolSize.INNER_DATA) {
          const record = seal([part.subarray(at, at + ProtocolSize.INNER_DATA)]);
          wire.send(record, lengthOf(record));
        }
      }
    },
    get isFull() {
      return wire.isFull;
    },
    pause: () => wire.pause(),
    resume: () => wire.resume(),
    end: () => wire.end(),
    start() {
      wire.onData = (parts) => {
        for (const part of parts) for (const body of open(part)) outer.onData([body], body.length);
      };
      wire.onDrain = () => outer.onDrain();
      wire.onEnd = () => outer.onEnd();
      wire.start();
    },
  };
  return outer;
}

/** `seal(parts)` gives a record in parts, `open(chunk)` the bodies that are whole with it. */
export function sealing(role) {
  const [forth, back] = [1, 2].map((fill) => new CipherState(new Uint8Array(32).fill(fill)));
  const isDialer = role === 'dialer';
  const sealer = new RecordSealer(isDialer ? forth : back, role, maxPlaintext);
  const opener = new RecordOpener(isDialer ? back : forth, role, maxPlaintext);
  const reader = new RecordReader(maxPlaintext);
  /** The ack that every body begins with. */
  const prefix = new Uint8Array(8);
  return {
    seal: (parts) =>
      sealer.sealParts(isDialer && sealer.nextNumber === 0 ? RecordType.CONFIRM : RecordType.FRAMES, [
        prefix,
        ...parts,
      ]),
    open: (chunk) => reader.push(chunk).map((ciphertext) => opener.open(ciphertext).body.subarray(prefix.length)),
  };
}

export function lengthOf(parts) {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
