import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { VirtualClock } from '@sealane/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ApiError } from '../../src/admin/api-error.js';
import { EventFeed } from '../../src/admin/event-feed.js';
import { EventStream } from './event-stream.js';

let clock: VirtualClock;
let feed: EventFeed;
let server: Server;
let url: string;
let holds: boolean;
const open: EventStream[] = [];

beforeEach(async () => {
  clock = new VirtualClock();
  feed = new EventFeed(clock);
  holds = true;
  feed.watchTokens(() => holds);
  server = createServer(({ headers }, response) => {
    const last = headers['last-event-id'];
    feed.subscribe(response, { lastEventId: typeof last === 'string' ? last : undefined, tokenId: 'token' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const stream of open.splice(0)) stream.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function listen(lastEventId?: string): Promise<EventStream> {
  const before = feed.subscriberCount;
  const stream = await EventStream.open(url, '', lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId });
  open.push(stream);
  await expect.poll(() => feed.subscriberCount).toBe(before + 1);
  return stream;
}

const gapOf = (stream: EventStream) => stream.events.find(({ event }) => event === 'gap')?.data['reason'];
const numbers = (stream: EventStream) =>
  stream.events.filter(({ event }) => event === 'tick').map(({ data }) => data['number']);

it('who comes back gets what was missed, or is told truthfully that it is not there', async () => {
  const first = await listen();
  for (let number = 1; number <= 3; number++) feed.tell('tick', { number });
  await expect.poll(() => numbers(first)).toEqual([1, 2, 3]);
  const [one, , three] = first.events.map(({ id }) => id ?? '');
  expect([gapOf(await again(one)), numbers(open.at(-1)!)]).toEqual([undefined, [2, 3]]);
  expect([gapOf(await again(three)), numbers(open.at(-1)!)]).toEqual([undefined, []]);
  const run = three?.split('-')[0];
  for (const [id, reason] of [
    [`${run}-400`, 'this id was never given'],
    ['nonsense', 'this id was never given'],
    ['00000000-2', 'the relay was started again'],
  ] as const) {
    expect([gapOf(await again(id)), numbers(open.at(-1)!)]).toEqual([reason, [1, 2, 3]]);
  }
  for (let number = 4; number <= 5_000; number++) feed.tell('tick', { number });
  const late = await again(three);
  expect([gapOf(late), numbers(late).length, numbers(late)[0]]).toEqual([
    'more events came than are kept',
    1_000,
    4_001,
  ]);
  const second = late.events.find(({ data }) => data['number'] === 4_002)?.id;
  expect([gapOf(await again(second)), numbers(open.at(-1)!)[0]]).toEqual([undefined, 4_003]);

  /** All that was there before the marker is read. */
  async function again(id: string | undefined): Promise<EventStream> {
    const stream = await listen(id);
    feed.tell('marker', {});
    await expect.poll(() => stream.kinds()).toContain('marker');
    return stream;
  }
});

it('who does not read is dropped with a word, and holds nobody up', async () => {
  const reader = await listen();
  const sleeper = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  sleeper.pause();
  sleeper.on('error', () => undefined);
  sleeper.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await expect.poll(() => feed.subscriberCount).toBe(2);
  let told = 0;
  // The kernel takes some megabytes before anything waits here.
  while (feed.subscriberCount === 2) {
    for (let count = 0; count < 200; count++) feed.tell('tick', { number: ++told, text: 'x'.repeat(2_000) });
    expect(told).toBeLessThan(200_000);
    await expect.poll(() => numbers(reader).length).toBe(told);
  }
  let text = '';
  sleeper.setEncoding('latin1');
  sleeper.on('data', (chunk: string) => {
    text = (text + chunk).slice(-500);
  });
  sleeper.resume();
  await expect.poll(() => text).toMatch(/event: dropped\ndata: \{"event":"dropped","reason":"too much was not read"\}/);
  sleeper.destroy();
  feed.tell('tick', { number: told + 1 });
  await expect.poll(() => numbers(reader).length).toBe(told + 1);
});

it('one that does not even read why is cut after a while', async () => {
  const sleeper = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  sleeper.pause();
  sleeper.on('error', () => undefined);
  sleeper.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await expect.poll(() => feed.subscriberCount).toBe(1);
  while (feed.subscriberCount === 1) {
    for (let count = 0; count < 200; count++) feed.tell('tick', { text: 'x'.repeat(2_000) });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const connections = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  expect(await connections()).toBe(1);
  await clock.advance(5_000);
  await expect.poll(connections).toBe(0);
  sleeper.destroy();
});

it('so many listen at once, the line shows that it is alive, and a token that ran out hears nothing more', async () => {
  for (let count = 0; count < 32; count++) {
    feed.assertRoom();
    await listen();
  }
  expect(() => feed.assertRoom()).toThrow(ApiError);
  open.pop()!.close();
  await expect.poll(() => feed.subscriberCount).toBe(31);
  feed.assertRoom();
  const raw = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  let text = '';
  raw.setEncoding('utf8');
  raw.on('data', (chunk: string) => {
    text += chunk;
  });
  raw.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await expect.poll(() => text).toMatch(/retry: 2000/);
  await clock.advance(15_000);
  await expect.poll(() => text).toMatch(/: alive/);
  holds = false;
  await clock.advance(15_000);
  expect(feed.subscriberCount).toBe(0);
  await expect.poll(() => text).toMatch(/the token does not hold any more/);
  raw.destroy();
});

it('refusals are summed up, and an event has a bounded size', async () => {
  const stream = await listen();
  for (let count = 0; count < 500; count++) feed.relay({ type: 'refused', code: 'BUSY', where: 'auth' });
  feed.relay({ type: 'refused', code: 'BUSY', where: 'http' });
  await clock.advance(1_000);
  feed.tell('long', { text: 'x'.repeat(5_000) });
  await expect.poll(() => stream.kinds()).toEqual(['refused', 'refused', 'long']);
  expect(stream.events.map(({ data }) => data)).toEqual([
    expect.objectContaining({ event: 'refused', code: 'BUSY', where: 'auth', count: 500 }),
    expect.objectContaining({ event: 'refused', code: 'BUSY', where: 'http', count: 1 }),
    { event: 'long', atMs: clock.wallMs(), isCut: true },
  ]);
});
