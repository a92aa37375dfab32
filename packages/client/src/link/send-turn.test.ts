import { expect, test } from 'vitest';
import { type RecordSource, SendTurn } from './send-turn.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

class Source implements RecordSource {
  isWaiting = false;
  records = 0;
  onSend: () => void = () => undefined;

  readonly name: string;
  readonly sent: string[];

  constructor(name: string, sent: string[]) {
    this.name = name;
    this.sent = sent;
  }

  sendRecord(): boolean {
    this.sent.push(this.name);
    this.records -= 1;
    this.onSend();
    return this.records > 0;
  }
}

function sources() {
  const sent: string[] = [];
  const state = { room: 100, flushes: 0 };
  const send = new SendTurn({
    hasRoom: () => sent.length < state.room,
    flush: () => {
      state.flushes += 1;
    },
  });
  const [one, two] = [new Source('one', sent), new Source('two', sent)];
  return { sent, state, send, one, two };
}

test('sources take turns record by record, and go on where there was no room', async () => {
  const { sent, state, send, one, two } = sources();
  one.records = 3;
  two.records = 2;
  state.room = 3;
  for (const source of [one, two, one]) send.add(source);
  await turn();
  expect([sent, state.flushes]).toEqual([['one', 'two', 'one'], 1]);
  state.room = 100;
  send.schedule();
  await turn();
  expect([sent.slice(3), state.flushes]).toEqual([['two', 'one'], 2]);
});

test('what a record makes ready leaves with it, not in a turn of its own', async () => {
  const { state, send, one } = sources();
  one.onSend = () => send.schedule();
  send.add(one);
  await turn();
  await turn();
  expect(state.flushes).toBe(1);
});

test('a source that was taken out has no turn, and has one after it came again', async () => {
  const { sent, send, one, two } = sources();
  send.add(one);
  send.add(two);
  send.remove(one);
  await turn();
  expect(sent).toEqual(['two']);
  send.add(one);
  await turn();
  expect(sent).toEqual(['two', 'one']);
});
