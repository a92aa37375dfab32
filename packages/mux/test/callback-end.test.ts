import { atCallbackEnd, atTurnEnd, beginCallback, endCallback } from '@sealane/mux/node';
import { beforeEach, describe, expect, test } from 'vitest';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** What a socket's read does. */
function read(action: () => void): void {
  beginCallback();
  try {
    action();
  } finally {
    endCallback();
  }
}

describe('atCallbackEnd', () => {
  test('runs in order at the end of the outermost callback, what was added meanwhile as well', () => {
    const seen: string[] = [];
    const task = (name: string, next?: () => void) => ({
      onCallbackEnd() {
        seen.push(name);
        next?.();
      },
    });
    read(() => {
      atCallbackEnd(task('first', () => atCallbackEnd(task('added'))));
      read(() => atCallbackEnd(task('inner')));
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual(['first', 'inner', 'added']);
  });

  test('outside of a callback waits for the next tick', async () => {
    let runs = 0;
    atCallbackEnd({ onCallbackEnd: () => (runs += 1) });
    expect(runs).toBe(0);
    await turn();
    expect(runs).toBe(1);
  });

  test('runs the others although one has thrown', async () => {
    let runs = 0;
    const fail = {
      onCallbackEnd() {
        throw new Error('a task');
      },
    };
    const callback = (): void =>
      read(() => {
        atCallbackEnd(fail);
        atCallbackEnd({ onCallbackEnd: () => (runs += 1) });
      });
    expect(callback).toThrow('a task');
    await turn();
    expect(runs).toBe(1);
    read(() => atCallbackEnd({ onCallbackEnd: () => (runs += 1) }));
    expect(runs).toBe(2);
  });
});

describe('atTurnEnd', () => {
  let sends = 0;
  const send = (): void => {
    sends += 1;
  };

  beforeEach(async () => {
    await turn();
    sends = 0;
  });

  /** Request and answer, a turn for each. Returns how often the end of the callback was early enough. */
  async function exchange(times: number): Promise<number> {
    let atOnce = 0;
    for (let index = 0; index < times; index += 1) {
      const before = sends;
      read(() => undefined);
      read(() => atTurnEnd(send));
      atOnce += sends - before;
      await turn();
      expect(sends).toBe(before + 1);
    }
    return atOnce;
  }

  /** Two sockets that were read in one turn. */
  async function busyTurn(): Promise<void> {
    read(() => atTurnEnd(send));
    read(() => atTurnEnd(send));
    await turn();
  }

  test('waits for no turn once request and answer have gone to and fro alone for a while', async () => {
    await busyTurn();
    expect(await exchange(8)).toBe(0);
    expect(await exchange(5)).toBe(5);
  });

  test('waits again as soon as two have something to send, one after the other', async () => {
    await busyTurn();
    await exchange(12);
    await busyTurn();
    expect(await exchange(8)).toBe(0);
  });

  test('waits where more was read in the turn, whatever that brings', async () => {
    await busyTurn();
    for (let index = 0; index < 20; index += 1) {
      read(() => atTurnEnd(send));
      read(() => undefined);
      expect(sends).toBe(2 + index);
      await turn();
    }
  });

  test('sends once although nothing was read', async () => {
    atTurnEnd(send);
    expect(sends).toBe(0);
    await turn();
    expect(sends).toBe(1);
  });
});
