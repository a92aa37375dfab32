import { allowAny } from '@sealane/client';
import { expect, it } from 'vitest';
import { MatrixStage } from './relay-matrix/matrix-stage.js';

// What the matrix says never happens must be something that it would notice.

async function staged(act: (stage: MatrixStage) => Promise<void>): Promise<void> {
  const stage = await MatrixStage.create('virtual');
  try {
    await act(stage);
  } finally {
    await stage.close();
  }
}

it('a dialer that shows the relay who it is counts as a leaked identity', () =>
  staged(async (stage) => {
    const owner = await stage.owner();
    const dialer = await stage.dialer({ identify: true });
    expect(await stage.exchange(dialer, owner.listener.address)).toBe('right bytes');
    expect(() => stage.assertNevers()).toThrow('the relay saw who dials');
  }));

it('a session of somebody whom the stage does not know counts as a phantom connection', () =>
  staged(async (stage) => {
    const owner = await stage.owner({ accept: allowAny() });
    const stranger = await stage.client();
    await stage.until(stranger.dial(owner.listener.address));
    await stage.pass(100);
    expect(() => stage.assertNevers()).toThrow('a session of a stranger');
  }));

it('a session that its dialer does not have counts as a phantom connection', () =>
  staged(async (stage) => {
    const owner = await stage.owner();
    const dialer = await stage.dialer();
    // Another process of the same identity, whose sessions the stage does not see.
    const other = await stage.client({ credential: dialer.credential });
    await stage.until(other.dial(owner.listener.address));
    await stage.pass(100);
    expect(() => stage.assertNevers()).toThrow('a session that no dialer has');
  }));

it.each([
  ['wrong bytes', 1_500],
  ['ended after', 0],
])('an answer with %s is noticed', (words, bytes) =>
  staged(async (stage) => {
    const client = await stage.client({ use: 'listen' });
    const listener = await stage.until(client.listen({ accept: allowAny() }));
    void (async () => {
      for await (const connection of listener) {
        for await (const stream of connection) {
          if (bytes > 0) stream.raw.write(new Uint8Array(bytes));
          stream.raw.end();
        }
      }
    })().catch(() => undefined);
    await stage.exchange(await stage.dialer(), listener.address);
    expect(() => stage.assertNevers()).toThrow(words);
  }),
);

it('a call that never settles counts as a hang', () =>
  staged(async (stage) => {
    await expect(stage.until(new Promise(() => undefined))).rejects.toThrow('a hang');
  }));
