// Honest traffic beside a flood, checked byte by byte. The parent says `requests` (64 bytes there and back on one connection
// through `port`, so many a second), `connects` (a new link, session and stream to `address`, from an address of its own),
// `exchanges` (a stream each, so many bytes there and back at once), `snapshot`, and `stop`.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, ready } from '../../../../bench/programs/answer.mjs';
import { connect } from '../../../client/dist/index.js';

const messageBytes = 64;
const turnMs = 1;
const attemptMs = 30_000;
const repeatMs = 50;
const runs = new Map();

answer({
  requests: ({ name, ...options }) => begin(name, new Requests(options)),
  exchanges: ({ name, ...options }) => begin(name, new Exchanges(options)),
  connects: ({ name, ...options }) => begin(name, new Connects(options)),
  snapshot: ({ name }) => {
    const { latencies, failures, wrong, late } = runs.get(name);
    const taken = { latencies: latencies.splice(0), failures: failures.splice(0), wrong, waiting: late() };
    return taken;
  },
  stop: async ({ name }) => {
    await runs.get(name)?.stop();
    runs.delete(name);
  },
});
ready();

async function begin(name, run) {
  await runs.get(name)?.stop();
  runs.set(name, run);
  await run.started;
}

/** At a steady rate: what waits is counted from when it was due. */
class Requests {
  constructor({ port, perSecond }) {
    this.latencies = [];
    this.failures = [];
    this.wrong = 0;
    this.sent = [];
    this.pending = Buffer.alloc(0);
    this.isRunning = true;
    this.late = () => this.sent.length;
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', (error) => this.failures.push(error.code));
    this.socket.on('close', () => {
      if (this.isRunning) this.failures.push('closed');
      clearInterval(this.timer);
    });
    this.started = new Promise((resolve) => {
      this.socket.once('connect', () => {
        this.socket.write('E');
        this.startMs = performance.now();
        this.count = 0;
        this.timer = setInterval(() => this.#turn(perSecond), turnMs);
        this.socket.once('data', resolve);
        this.socket.once('close', resolve);
      });
      this.socket.once('error', resolve);
    });
    this.socket.on('data', (chunk) => this.#read(chunk));
  }

  #turn(perSecond) {
    while (performance.now() >= this.startMs + (this.count * 1_000) / perSecond) {
      const message = randomBytes(messageBytes);
      this.sent.push({ message, dueMs: this.startMs + (this.count++ * 1_000) / perSecond });
      this.socket.write(message);
    }
  }

  #read(chunk) {
    this.pending = Buffer.concat([this.pending, chunk]);
    while (this.pending.length >= messageBytes) {
      const { message, dueMs } = this.sent.shift();
      if (!message.equals(this.pending.subarray(0, messageBytes))) this.wrong++;
      this.pending = this.pending.subarray(messageBytes);
      this.latencies.push(performance.now() - dueMs);
    }
  }

  stop() {
    this.isRunning = false;
    this.socket.destroy();
  }
}

/** Everything new for each: the link, the session and its handshake, the stream. */
class Connects {
  constructor({ address, perSecond }) {
    this.latencies = [];
    this.failures = [];
    this.wrong = 0;
    this.open = new Set();
    this.late = () => this.open.size;
    this.started = Promise.resolve();
    this.timer = setInterval(() => {
      const one = this.#connect(address).finally(() => this.open.delete(one));
      this.open.add(one);
    }, 1_000 / perSecond);
  }

  async #connect(address) {
    const startMs = performance.now();
    const signal = AbortSignal.timeout(attemptMs);
    let client;
    let connection;
    // Reading takes no signal.
    signal.addEventListener('abort', () => connection?.abort());
    try {
      client = await connect(address, { signal, retry: true });
      connection = await dial(client, address, signal);
      const stream = await connection.openStream({ signal });
      const message = randomBytes(messageBytes);
      await stream.writable.getWriter().write(Buffer.concat([Buffer.from('E'), message]));
      const received = [];
      let bytes = 0;
      for await (const chunk of stream.readable) {
        received.push(chunk);
        bytes += chunk.length;
        if (bytes >= messageBytes) break;
      }
      if (!message.equals(Buffer.concat(received))) this.wrong++;
      this.latencies.push(performance.now() - startMs);
    } catch (error) {
      this.failures.push(String(error.code ?? error));
    } finally {
      connection?.abort();
      await client?.close();
    }
  }

  async stop() {
    clearInterval(this.timer);
    await Promise.all(this.open);
  }
}

/** As the programs do: what a busy relay refuses is asked again. */
async function dial(client, address, signal) {
  for (;;) {
    try {
      return await client.dial(address, { signal });
    } catch (error) {
      if (error.retryable !== true || signal.aborted) throw error;
      await sleep(repeatMs);
    }
  }
}

/** A local connection each, and so a stream of the session that stands. */
class Exchanges {
  constructor({ port, perSecond, bytes }) {
    this.latencies = [];
    this.failures = [];
    this.wrong = 0;
    this.open = new Set();
    this.late = () => this.open.size;
    this.started = Promise.resolve();
    this.timer = setInterval(() => {
      const one = this.#exchange(port, randomBytes(bytes)).finally(() => this.open.delete(one));
      this.open.add(one);
    }, 1_000 / perSecond);
  }

  #exchange(port, message) {
    const startMs = performance.now();
    return new Promise((resolve) => {
      const received = [];
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
        socket.end(Buffer.concat([Buffer.from('E'), message]));
      });
      socket.on('data', (chunk) => received.push(chunk));
      socket.on('error', (error) => this.failures.push(error.code));
      socket.once('close', () => {
        if (!message.equals(Buffer.concat(received))) this.wrong++;
        else this.latencies.push(performance.now() - startMs);
        resolve();
      });
    });
  }

  async stop() {
    clearInterval(this.timer);
    await Promise.all(this.open);
  }
}
