// Dialers of the fairness measurement. The parent says `open` (who asks), `ask` (for so long, answered with the waits) and
// `load` (what is in their way, on or off).
import { RelayClient } from '../../packages/client/dist/index.js';
import { spaceOutCollections } from '../../packages/mux/dist/node/index.js';
import { ResetCode } from '../../packages/types/dist/index.js';

const askBytes = 64;
const chunk = new Uint8Array(65_536);
const tickMs = 5;
/** RESET(CANCELLED). */
const cancelled = ResetCode.CANCELLED;

spaceOutCollections();
process.once('disconnect', () => process.exit(0));
process.on('message', async ({ id, command, ...options }) => {
  try {
    process.send({ id, ...(await commands[command](options)) });
  } catch (error) {
    process.send({ id, error: String(error.stack ?? error) });
  }
});

const world = { client: undefined, addresses: [], askers: [], load: undefined };

const commands = {
  /** `how`: streams of one session, sessions of one client, or clients. */
  async open({ relayUrl, addresses, how, count }) {
    world.relayUrl = relayUrl;
    world.addresses = addresses;
    world.client = await RelayClient.connect(relayUrl);
    for (let index = 0; index < count; index++) {
      world.askers.push(new Asker(await openStream(how, index, 'echo')));
    }
    return { sessions: world.client.connections.size };
  },

  async ask({ forMs, pauseMs }) {
    const endMs = performance.now() + forMs;
    const waits = await Promise.all(
      world.askers.map((asker, index) => asker.ask((index * pauseMs) / world.askers.length, pauseMs, endMs)),
    );
    return { waits: waits.flat() };
  },

  async load({ kind, how, isOn, bytesPerSecond, perSecond }) {
    if (!isOn) {
      const done = world.load?.stop() ?? 0;
      world.load = undefined;
      return { done };
    }
    world.load = kind === 'storm' ? storm(perSecond) : await flood(how, kind, bytesPerSecond);
    return {};
  },
};

async function openStream(how, index, label) {
  const address = world.addresses[index % world.addresses.length];
  if (how === 'streams') return await world.client.openStream(world.addresses[0], { label });
  const client = how === 'clients' ? await RelayClient.connect(world.relayUrl) : world.client;
  const session = await client.dial(address, { fresh: true });
  return session.openStreamNow({ label });
}

class Asker {
  #stream;
  #missing = 0;
  #answered = () => undefined;

  constructor(stream) {
    this.#stream = stream;
    stream.raw.attach({
      onData: (bytes) => {
        stream.raw.consume(bytes.length);
        this.#missing -= bytes.length;
        if (this.#missing === 0) this.#answered();
      },
      onReset: (error) => {
        throw error;
      },
    });
  }

  async ask(delayMs, pauseMs, endMs) {
    const waits = [];
    await sleep(delayMs);
    while (performance.now() < endMs) {
      const askedMs = performance.now();
      await new Promise((resolve) => {
        this.#answered = resolve;
        this.#missing = askBytes;
        this.#stream.raw.write(new Uint8Array(askBytes));
      });
      waits.push(performance.now() - askedMs);
      await sleep(pauseMs);
    }
    return waits;
  }
}

/** Bytes at a rate, or as many as go. */
async function flood(how, kind, bytesPerSecond) {
  const stream = await openStream(how, 0, kind === 'stall' ? 'stall' : 'sink');
  const { raw } = stream;
  let sent = 0;
  const fill = () => {
    while (!raw.isClosed && raw.queuedBytes < 4 * chunk.length) {
      raw.write(chunk);
      sent += chunk.length;
    }
  };
  const isFree = bytesPerSecond === 0 || kind === 'stall';
  raw.attach({ onData: (bytes) => raw.consume(bytes.length), onReset() {}, onDrain: isFree ? fill : undefined });
  let lastMs = performance.now();
  let due = 0;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    due = Math.min(due + ((nowMs - lastMs) * bytesPerSecond) / 1_000, bytesPerSecond / 10);
    lastMs = nowMs;
    while (!isFree && due >= chunk.length && raw.queuedBytes < 16 * chunk.length) {
      raw.write(chunk);
      sent += chunk.length;
      due -= chunk.length;
    }
  }, tickMs);
  if (isFree) fill();
  return {
    stop() {
      clearInterval(timer);
      const done = sent - raw.queuedBytes;
      raw.reset(cancelled);
      if (how !== 'streams') void stream.connection.close();
      return done;
    },
  };
}

/** Streams that are opened and reset, every second one before it was answered, in the session of the others. */
function storm(perSecond) {
  let count = 0;
  const [connection] = world.client.connections;
  const timer = setInterval(() => {
    for (let left = (perSecond * tickMs) / 1_000; left > 0 && connection.freeStreams > 0; left--) {
      const { raw } = connection.openStreamNow({ label: 'echo' });
      raw.attach({ onData: () => raw.reset(cancelled), onReset() {} });
      raw.write(Uint8Array.of(1));
      if (++count % 2 === 0) setImmediate(() => raw.reset(cancelled));
    }
  }, tickMs);
  return {
    stop() {
      clearInterval(timer);
      return count;
    },
  };
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
