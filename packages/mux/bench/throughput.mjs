// Frames and bytes per second through pull and receive of two muxes in one process, without any link.
// Runs the built package: node bench/throughput.mjs [seconds per case]

import { MemoryBudget, Mux } from '@sealane/mux';
import { systemClock } from '@sealane/types';

const seconds = Number(process.argv[2] ?? 1);
const windowBytes = 1 << 22;

function createMux(role, handler) {
  return new Mux({
    role,
    clock: systemClock,
    budget: new MemoryBudget(1 << 30),
    maxBodyBytes: 66_560,
    maxOpenBytes: 8_192,
    receiveWindowBytes: windowBytes,
    maxReceiveWindowBytes: windowBytes,
    sendWindowBytes: windowBytes,
    maxInboundStreams: 1_024,
    maxOutboundStreams: 1_024,
    allowMessages: true,
    handler: { onWritable() {}, onOpen() {}, ...handler },
  });
}

/** The receiver's memory: one message, as a socket would deliver it. */
function join(batch) {
  if (batch.chunks.length === 1) return batch.chunks[0];
  const message = new Uint8Array(batch.bytes);
  let offset = 0;
  for (const chunk of batch.chunks) {
    message.set(chunk, offset);
    offset += chunk.length;
  }
  return message;
}

function run(title, streams, chunkBytes, hasHeadroom) {
  const sender = createMux('opener', {});
  const receiver = createMux('acceptor', {
    onOpen(stream) {
      stream.handler = { onData: (chunk) => stream.consume(chunk.length), onReset() {} };
    },
  });
  const open = new Uint8Array(8);
  const memory = new Uint8Array(9 + chunkBytes);
  const ports = Array.from({ length: streams }, () => sender.openStream(open, { onData() {}, onReset() {} }));
  let bytes = 0;
  let batches = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  while (performance.now() - started < seconds * 1_000) {
    for (let turn = 0; turn < 100; turn += 1) {
      for (const port of ports) {
        if (port.queuedBytes > 0) continue;
        port.write(memory.subarray(9), hasHeadroom);
        bytes += chunkBytes;
      }
      for (let batch = sender.pull(262_144); batch !== undefined; batch = sender.pull(262_144)) {
        receiver.receive(join(batch));
        batches += 1;
      }
      for (let batch = receiver.pull(262_144); batch !== undefined; batch = receiver.pull(262_144)) {
        sender.receive(join(batch));
      }
    }
  }
  const elapsed = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const frames = receiver.statistics.framesReceived;
  console.log(
    [
      title.padEnd(44),
      `${(frames / elapsed / 1_000).toFixed(0)} k frames/s`.padStart(16),
      `${(bytes / elapsed / 1e9).toFixed(2)} GB/s`.padStart(12),
      `${(((user + system) * 1_000) / frames).toFixed(0)} ns CPU/frame`.padStart(18),
      `${(frames / batches).toFixed(1)} frames/batch`.padStart(18),
    ].join(''),
  );
}

run('1 stream, 64 KiB chunks, header in place', 1, 65_536, true);
run('1 stream, 64 KiB chunks, joined by a copy', 1, 65_536, false);
run('16 streams, 64 KiB chunks, joined by a copy', 16, 65_536, false);
run('1 stream, 1 KiB chunks, header in place', 1, 1_024, true);
run('1 stream, 64-byte chunks', 1, 64, false);
run('1,000 streams, 64-byte chunks', 1_000, 64, false);

const idle = createMux('opener', {});
const before = memoryUsed();
const held = [];
for (let count = 0; count < 1_000; count += 1)
  held.push(idle.openStream(new Uint8Array(0), { onData() {}, onReset() {} }));
while (idle.pull(262_144) !== undefined);
console.log(
  `${((memoryUsed() - before) / held.length).toFixed(0)} bytes of heap per idle stream${globalThis.gc ? '' : ' (rough: run with --expose-gc)'}`,
);

function memoryUsed() {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
