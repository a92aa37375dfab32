import { allowIds, formatAddress } from '@sealane/client';
import { seededRandom } from '@sealane/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientStack, exchange } from './support/client-stack.js';

const random = seededRandom(4);
let stack = new ClientStack();

afterEach(async () => {
  await stack.close();
  stack = new ClientStack();
});

describe('a dialer and an owner through a real relay', () => {
  it('exchanges bytes both ways with authenticated ends', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url, { name: 'echo' });
    const dialer = await stack.client(relay.url);
    const stream = await dialer.openStream(listener.address);
    const bytes = random(300_000);
    expect(Buffer.compare(await exchange(stream, bytes), bytes)).toBe(0);
    await stream.finished;
    expect(listener.name).toBe('echo');
    expect(dialer.connections.size).toBe(1);
  });
});
