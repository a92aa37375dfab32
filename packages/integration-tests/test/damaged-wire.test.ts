import {
  collect,
  exchange,
  FaultyWire,
  type FaultyWireOptions,
  SeededVerifier,
  seededChunks,
  startServer,
  stopAllProcesses,
  type WireAction,
  type WireDirection,
  type WireMessage,
} from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ThreeProcesses } from './three-processes.js';

const seed = 77;
/** More than what lies before the last damage, twice. */
const totalBytes = 2_500_000;

interface Damage {
  readonly name: string;
  /** Makes the wire's behaviour; `hit` is called when the damage was done. */
  readonly create: (direction: WireDirection, hit: () => void) => FaultyWireOptions;
}

/** Acts once, on the first large message from this number on: those carry records. */
function once(from: number, act: (message: WireMessage) => WireAction): Damage['create'] {
  return (direction, hit) => {
    let isDone = false;
    return {
      onMessage: (message) => {
        if (isDone || message.direction !== direction || message.index < from || message.payload.length < 200) {
          return 'pass';
        }
        isDone = true;
        hit();
        return act(message);
      },
    };
  };
}

function flip(payload: Uint8Array, at: number): Uint8Array {
  const changed = payload.slice();
  changed[at]! ^= 0x01;
  return changed;
}

const damages: readonly Damage[] = [
  {
    name: 'flips the last bit of a message',
    create: once(8, ({ payload }) => ({ replace: flip(payload, payload.length - 1) })),
  },
  {
    name: 'flips a bit in the middle of a message',
    create: once(12, ({ payload }) => ({ replace: flip(payload, payload.length >> 1) })),
  },
  { name: 'flips a bit of a frame header', create: once(10, ({ payload }) => ({ replace: flip(payload, 4) })) },
  { name: 'repeats a message', create: once(9, () => 'repeat') },
  { name: 'swaps two messages', create: once(9, () => 'hold') },
  { name: 'drops a message', create: once(11, () => 'drop') },
  { name: 'cuts between two messages', create: once(14, () => 'cut') },
  {
    name: 'shortens a message',
    create: once(10, ({ payload }) => ({ replace: payload.subarray(0, payload.length - 7) })),
  },
  {
    name: 'flips a bit below the WebSocket',
    create: (direction, hit) => {
      let isDone = false;
      return {
        onBytes: (chunk) => {
          if (isDone || chunk.direction !== direction || chunk.offset < 500_000) return chunk.bytes;
          isDone = true;
          hit();
          return flip(chunk.bytes, chunk.bytes.length >> 1);
        },
      };
    },
  },
  {
    name: 'cuts in the middle of a message',
    create: (direction, hit) => {
      let isDone = false;
      return {
        onBytes: (chunk) => {
          if (isDone || chunk.direction !== direction || chunk.offset < 700_000) return chunk.bytes;
          isDone = true;
          hit();
          return 'cut';
        },
      };
    },
  },
];

describe.each(['dialer', 'owner'] as const)('a wire between the %s and the relay', (side) => {
  /** What the backend received per connection, checked byte by byte. */
  const backendEnds: { bytes: number; end: string }[] = [];
  let wrongAtBackend: unknown;
  let three: ThreeProcesses;
  let wire: FaultyWire;
  let backend: Awaited<ReturnType<typeof startServer>>;

  beforeAll(async () => {
    backend = await startServer((socket) => {
      const verifier = new SeededVerifier(seed, totalBytes);
      void collect(socket, (chunk) => {
        try {
          verifier.push(chunk);
        } catch (error) {
          wrongAtBackend ??= error;
        }
        if (!socket.write(chunk)) {
          socket.pause();
          socket.once('drain', () => socket.resume());
        }
      }).then(({ bytes, end }) => {
        backendEnds.push({ bytes, end });
        if (end === 'fin') socket.end();
        else socket.destroy();
      });
    });
    const through = async (port: number): Promise<number> => {
      wire = await FaultyWire.start({ port });
      return wire.port;
    };
    three = await ThreeProcesses.start(
      `127.0.0.1:${backend.port}`,
      side === 'dialer' ? { dialerRelayPort: through } : { ownerRelayPort: through },
    );
  });

  afterAll(async () => {
    await wire.close();
    await stopAllProcesses();
    await backend.close();
  });

  /** One connection that sends and gets back everything; never more than right bytes, never an early end. */
  async function attempt(): Promise<boolean> {
    const verifier = new SeededVerifier(seed, totalBytes);
    const received = await exchange(three.target, seededChunks(seed, totalBytes), {
      onData: (chunk) => verifier.push(chunk),
    }).catch((error: unknown) => {
      if (error instanceof Error && /^byte|^more bytes/.test(error.message)) throw error;
      return { bytes: verifier.receivedBytes, end: 'reset' as const };
    });
    if (received.end === 'fin') expect(received.bytes).toBe(totalBytes);
    return received.end === 'fin';
  }

  const cases = damages.flatMap((damage) => (['up', 'down'] as const).map((direction) => ({ ...damage, direction })));

  test.each(cases)('that $name ($direction) gives no wrong byte and no false end', async ({ create, direction }) => {
    await expect.poll(attempt, { timeout: 60_000 }).toBe(true);
    let hits = 0;
    backendEnds.length = 0;
    const options = create(direction, () => hits++);
    wire.onMessage = options.onMessage;
    wire.onBytes = options.onBytes;
    // A wire that lost its place in the WebSocket frames gets a new connection.
    wire.cutAll();
    await expect
      .poll(
        async () => {
          await attempt();
          return hits;
        },
        { timeout: 60_000 },
      )
      .toBe(1);
    wire.onMessage = undefined;
    wire.onBytes = undefined;
    await expect.poll(attempt, { timeout: 60_000 }).toBe(true);
    expect(wrongAtBackend).toBeUndefined();
    for (const { bytes, end } of backendEnds) {
      const events = [three.owner, three.dialer].map((process) =>
        JSON.stringify(process.events.slice(-12), undefined, 1),
      );
      if (end === 'fin')
        expect(bytes, `events of the owner, then of the dialer: ${events.join('\n')}`).toBe(totalBytes);
    }
    for (const process of three.processes) expect(process.hasExited).toBe(false);
  });
});
