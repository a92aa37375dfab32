// The rung of the muxes: records with frames inside, over an outer mux with credit, one link for all connections.
import { GroupScheduler, MemoryBudget, Mux } from '../../packages/mux/dist/index.js';
import { MuxLimit, ProtocolSize, RelayLimit, SessionLimit, systemClock } from '../../packages/types/dist/index.js';
import { lengthOf, sealing } from './wires.mjs';

const budget = new MemoryBudget(RelayLimit.memoryBudgetBytes);
const batchBytes = ProtocolSize.OUTER_DATA + MuxLimit.controlTurnBytes;
/** `u24 length | type | ack` and the tag. */
const aroundFrames = ProtocolSize.RECORD_LENGTH + 9 + ProtocolSize.RECORD_TAG;

function createMux(role, isOuter, handler) {
  return new Mux({
    role,
    clock: systemClock,
    budget,
    maxBodyBytes: isOuter ? ProtocolSize.OUTER_DATA : ProtocolSize.INNER_DATA,
    maxOpenBytes: ProtocolSize.CONTROL,
    receiveWindowBytes: MuxLimit.initialWindowBytes,
    maxReceiveWindowBytes: isOuter ? MuxLimit.maxOuterWindowBytes : MuxLimit.maxInnerWindowBytes,
    sendWindowBytes: MuxLimit.initialWindowBytes,
    maxInboundStreams: 1_024,
    maxOutboundStreams: 1_024,
    allowMessages: isOuter,
    ...(isOuter && role === 'acceptor' ? { scheduler: new GroupScheduler() } : {}),
    handler,
  });
}

/** An outer mux on a WebSocket wire; `schedule` is when what waits is sent. */
function createLink(wire, role, schedule, onOpen, beforeFlush = () => {}) {
  const { connection } = wire;
  let isScheduled = false;
  const run = () => {
    isScheduled = false;
    beforeFlush();
    while (connection.queuedBytes < SessionLimit.maxQueuedBytes) {
      const batch = mux.pull(batchBytes);
      if (batch === undefined) return;
      connection.sendParts(batch.chunks, batch.bytes);
    }
  };
  const wake = () => {
    if (isScheduled) return;
    isScheduled = true;
    schedule(run);
  };
  const mux = createMux(role, true, { onWritable: wake, onOpen });
  connection.start({
    onMessage: (message) => mux.receive(message),
    onParts: (parts) => mux.receive(parts),
    onDrain: wake,
    onEnd: () => process.exit(0),
  });
  return { mux, wake, connection };
}

/** Forwards streams of one link to streams of another one, unread. */
export function joinLinks(dialerWire, ownerWire) {
  const toOwner = createLink(ownerWire, 'acceptor', queueMicrotask, () => {});
  createLink(dialerWire, 'acceptor', queueMicrotask, (from, open) => {
    const to = toOwner.mux.openStream(open, legTo(from), { group: dialerWire });
    from.handler = legTo(to);
  });
}

function legTo(sink) {
  return {
    onData: (chunk, fin) => {
      sink.write(chunk);
      if (fin) sink.end();
    },
    onSent: (bytes) => sink.consume(bytes),
    onReset: (_error, code) => sink.reset(code),
  };
}

/** One session in one stream of the link. `onStream(port)` is told of streams that the other side opens. */
export function createSession(wire, role, onStream) {
  const { seal, open } = sealing(role);
  let path;
  const inner = createMux(role === 'dialer' ? 'opener' : 'acceptor', false, {
    onWritable: () => link.wake(),
    onOpen: (stream) => onStream(port(stream)),
  });
  const sendRecords = () => {
    while (path !== undefined) {
      const room = path.sendCredit - path.queuedBytes;
      const queued = path.queuedBytes + link.connection.queuedBytes;
      if (room < 4_096 || queued >= SessionLimit.maxQueuedBytes) return;
      const batch = inner.pull(Math.min(ProtocolSize.RECORD_PLAINTEXT_MAX - 9, room - aroundFrames));
      if (batch === undefined) return;
      const record = seal(batch.chunks);
      path.write({ chunks: record, length: lengthOf(record) });
    }
  };
  const pathHandler = {
    copies: true,
    onData(chunk) {
      for (const frames of open(chunk)) inner.receive(frames);
      path.consume(chunk.length);
    },
    onCredit: () => link.wake(),
    onReset: () => process.exit(0),
  };
  const link = createLink(
    wire,
    'opener',
    setImmediate,
    (stream) => {
      stream.handler = pathHandler;
      path = stream;
    },
    sendRecords,
  );
  if (role === 'dialer') path = link.mux.openStream(new Uint8Array(1), pathHandler);
  return { openPort: () => port(inner.openStream(new Uint8Array(1), undefined, { holdUntilData: true })) };
}

/** A stream of the inner mux as `pipeSocket` wants it. */
function port(stream) {
  const raw = {
    get queuedBytes() {
      return stream.queuedBytes;
    },
    attach(sink) {
      stream.handler = {
        onData: (chunk, fin) => sink.onData(chunk, fin),
        onReset: (error) => sink.onReset(error),
        onDrain: () => sink.onDrain(),
      };
    },
    write: (chunk) => stream.write(chunk),
    end: () => stream.end(),
    reset: (code) => stream.reset(code),
    consume: (bytes) => stream.consume(bytes),
  };
  return { raw };
}
