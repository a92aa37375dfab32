import { allowAny, type RelayClient } from '@sealane/client';
import { FaultyWire, type SeededRandom, seededRandom, type WireAction, type WireMessage } from '@sealane/testkit';
import { isSealaneError } from '@sealane/types';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientStack } from './support/client-stack.js';

let stack = new ClientStack();

afterEach(async () => {
  await stack.close();
  stack = new ClientStack();
});

const payloadBytes = 400_000;

/** Sends a known sequence through the wire and gives what the other side could read of it, and how it ended. */
async function sendThrough(
  wire: FaultyWire,
  owner: RelayClient,
  payload: Uint8Array,
  damage: (message: WireMessage) => WireAction,
): Promise<{ readonly received: Uint8Array; readonly end: string }> {
  const listener = await owner.listen({ accept: allowAny() });
  const dialer = await stack.client(`ws://127.0.0.1:${wire.port}`);
  try {
    const near = await dialer.openStream(listener.address);
    near.raw.write(payload.slice(0, 10));
    const connection = (await listener[Symbol.asyncIterator]().next()).value;
    const far = (await connection[Symbol.asyncIterator]().next()).value;
    wire.onMessage = damage;
    near.raw.write(payload.slice(10));
    near.raw.end();
    near.finished.catch(() => undefined);
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of far.readable) chunks.push(chunk);
      return { received: Buffer.concat(chunks), end: 'end' };
    } catch (error) {
      if (!isSealaneError(error)) throw error;
      return { received: Buffer.concat(chunks), end: error.code };
    }
  } finally {
    wire.onMessage = () => 'pass';
    await dialer.close({ deadlineMs: 0 });
    await listener.close();
  }
}

function isPrefix(bytes: Uint8Array, of: Uint8Array): boolean {
  return Buffer.compare(bytes, of.subarray(0, bytes.length)) === 0;
}

type Damage = (random: SeededRandom, message: WireMessage) => WireAction;

const flip: Damage = (random, message) => {
  const replace = message.payload.slice();
  const at = random.int(0, replace.length - 1);
  replace[at] = (replace[at] ?? 0) ^ (1 << random.int(0, 7));
  return { replace };
};

describe('a wire between dialer and relay', () => {
  it.each<[string, Damage]>([
    ['flips bits', flip],
    ['drops messages', () => 'drop'],
    ['repeats messages', () => 'repeat'],
    ['swaps messages', () => 'hold'],
    ['cuts', () => 'cut'],
  ])('that %s never brings a wrong byte nor a false end', async (_, damage) => {
    const relay = await stack.relay();
    const owner = await stack.client(relay.url, { use: 'listen' });
    const wire = await FaultyWire.start({ port: relay.port });
    stack.onClose(() => wire.close());
    for (let seed = 1; seed <= 12; seed++) {
      const random = seededRandom(seed);
      const payload = random(payloadBytes);
      let countdown = random.int(0, 6);
      const { received, end } = await sendThrough(wire, owner, payload, (message) => {
        if (message.direction !== 'up' || message.payload.length < 200) return 'pass';
        countdown -= 1;
        return countdown === -1 ? damage(random, message) : 'pass';
      });
      expect(isPrefix(received, payload)).toBe(true);
      if (end === 'end') expect(received.length).toBe(payloadBytes);
      else expect(end).toMatch(/^ERR_(E2EE_(INTEGRITY|TRUNCATED|PROTOCOL)|STREAM_\w+)$/);
    }
  });
});
