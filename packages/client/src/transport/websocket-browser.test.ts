import { SealaneError } from '@sealane/types';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BrowserLink } from './browser-link.js';
import { deferTurn, openWebSocket } from './websocket-browser.js';

/** A browser's socket in the hands of a test: events and `bufferedAmount` are its to say. */
class ScriptedSocket extends EventTarget {
  static last: ScriptedSocket;
  readonly OPEN = 1;
  readyState = 0;
  bufferedAmount = 0;
  binaryType = 'blob';
  looks = 0;
  readonly closed: unknown[][] = [];

  constructor(url: string) {
    super();
    if (url.includes('forbidden')) throw new DOMException('insecure', 'SecurityError');
    ScriptedSocket.last = this;
    let amount = 0;
    Object.defineProperty(this, 'bufferedAmount', {
      get: () => {
        this.looks += 1;
        return amount;
      },
      set: (value: number) => {
        amount = value;
      },
    });
  }

  send(message: Uint8Array): void {
    this.bufferedAmount += message.length;
  }

  close(...args: unknown[]): void {
    this.closed.push(args);
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  say(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  end(code: number, reason = '', wasClean = false): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason, wasClean }));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', ScriptedSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const options = { subprotocol: 'sealane.1', maxMessageBytes: 1_000 };

async function opening(
  url = 'ws://relay',
  signal?: AbortSignal,
): Promise<{ code: string; retryable: boolean } | 'open'> {
  try {
    await openWebSocket(url, { ...options, ...(signal === undefined ? {} : { signal }) });
    return 'open';
  } catch (error) {
    if (!(error instanceof SealaneError)) throw error;
    return { code: error.code, retryable: error.retryable };
  }
}

function started(): { socket: ScriptedSocket; link: BrowserLink; heard: unknown[] } {
  const socket = new ScriptedSocket('ws://relay');
  const link = new BrowserLink(socket as unknown as WebSocket, options.maxMessageBytes);
  socket.open();
  const heard: unknown[] = [];
  link.start({
    onMessage: (message) => heard.push([...message]),
    onDrain: () => heard.push('drain'),
    onEnd: (end) => heard.push(end),
  });
  return { socket, link, heard };
}

describe('opening', () => {
  it('gives up after 10 s without an answer, and closes the socket', async () => {
    const result = opening();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(ScriptedSocket.last.closed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await result).toEqual({ code: 'ERR_LINK_FAILED', retryable: true });
    expect(ScriptedSocket.last.closed).toEqual([[]]);
  });

  it('fails on an error that no close follows, and on a close', async () => {
    const first = opening();
    ScriptedSocket.last.dispatchEvent(new Event('error'));
    expect(await first).toEqual({ code: 'ERR_LINK_FAILED', retryable: true });
    const second = opening();
    ScriptedSocket.last.end(1006);
    expect(await second).toEqual({ code: 'ERR_LINK_FAILED', retryable: true });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not tried again where the browser refuses the address', async () => {
    expect(await opening('ws://forbidden')).toEqual({ code: 'ERR_LINK_FAILED', retryable: false });
  });

  it('ends with the signal, before and meanwhile', async () => {
    const controller = new AbortController();
    const result = opening('ws://relay', controller.signal);
    controller.abort();
    expect(await result).toEqual({ code: 'ERR_ABORTED', retryable: false });
    expect(ScriptedSocket.last.closed).toEqual([[]]);
    expect(await opening('ws://relay', controller.signal)).toEqual({ code: 'ERR_ABORTED', retryable: false });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps what arrives before start, and an end', async () => {
    const result = openWebSocket('ws://relay', options);
    const { last } = ScriptedSocket;
    last.open();
    last.say(Uint8Array.of(1, 2).buffer);
    last.end(1001);
    const heard: unknown[] = [];
    (await result).start({
      onMessage: (message) => heard.push([...message]),
      onDrain: () => undefined,
      onEnd: ({ code }) => heard.push(code),
    });
    expect(heard).toEqual([[1, 2], 1001]);
  });
});

describe('the queue of a browser', () => {
  it('is looked at only while it is above the mark, and tells once when it fell below', async () => {
    const { socket, link, heard } = started();
    link.send(new Uint8Array(65_536));
    expect(vi.getTimerCount()).toBe(0);
    link.send(new Uint8Array(1));
    link.send(new Uint8Array(1));
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(40);
    expect(heard).toEqual([]);
    socket.bufferedAmount = 65_536;
    await vi.advanceTimersByTimeAsync(4);
    expect(heard).toEqual(['drain']);
    const { looks } = socket;
    await vi.advanceTimersByTimeAsync(1_000);
    expect([socket.looks, vi.getTimerCount()]).toEqual([looks, 0]);
    expect([link.queuedBytes, link.sentBytes]).toEqual([65_536, 2]);
  });

  it('is looked at when a message arrives, since a page in the background gets its timers late', () => {
    const { socket, link, heard } = started();
    link.send(new Uint8Array(100_000));
    socket.bufferedAmount = 0;
    socket.say(Uint8Array.of(7).buffer);
    expect(heard).toEqual(['drain', [7]]);
  });

  it('ends with the link: nothing is looked at or sent any more', async () => {
    const { socket, link, heard } = started();
    link.send(new Uint8Array(100_000));
    link.abort('no answer');
    link.send(new Uint8Array(1));
    socket.end(1000, '', true);
    socket.say(Uint8Array.of(1).buffer);
    await vi.advanceTimersByTimeAsync(100);
    expect(heard).toEqual([{ clean: false, code: 1006, reason: 'no answer' }]);
    expect([link.queuedBytes, vi.getTimerCount()]).toEqual([0, 0]);
  });
});

describe('messages and closing', () => {
  it('takes binary messages up to the limit and ends for others', () => {
    for (const data of ['text', new ArrayBuffer(1_001)]) {
      const { socket, link, heard } = started();
      expect(socket.binaryType).toBe('arraybuffer');
      socket.say(new ArrayBuffer(1_000));
      socket.say(data);
      expect(heard).toEqual([Array(1_000).fill(0), expect.objectContaining({ clean: false })]);
      expect(link.receivedBytes).toBe(1_000);
    }
  });

  it('never asks the browser for a code or reason that would be an exception', () => {
    const { socket, link } = started();
    link.close();
    link.close(4_000, 'é'.repeat(100));
    link.close(1_001, 'going away');
    expect(socket.closed).toEqual([[1_000, ''], [4_000, 'é'.repeat(61)], []]);
  });

  it('tells a close of both sides from a lost connection', () => {
    for (const wasClean of [true, false]) {
      const { socket, heard } = started();
      socket.end(wasClean ? 1_000 : 1_006, '', wasClean);
      expect(heard).toEqual([{ clean: wasClean, code: wasClean ? 1_000 : 1_006, reason: 'the connection was closed' }]);
    }
  });
});

it('runs deferred work after every microtask of the turn, in order', async () => {
  vi.useRealTimers();
  const order: string[] = [];
  const done = new Promise<void>((resolve) => {
    deferTurn(() => order.push('first'));
    deferTurn(() => {
      order.push('second');
      resolve();
    });
  });
  for (let index = 0; index < 10; index++) await Promise.resolve();
  order.push('microtasks');
  await done;
  expect(order).toEqual(['microtasks', 'first', 'second']);
});
