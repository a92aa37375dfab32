import { describe, expect, it } from 'vitest';
import type { CliEvent } from './events.js';
import { createReporter } from './reporter.js';

function sink(): { writableLength: number; isTTY?: boolean; lines: string[]; write(text: string): void } {
  return {
    writableLength: 0,
    lines: [],
    write(text) {
      this.lines.push(text);
    },
  };
}
const listening: CliEvent = { event: 'listening', address: '127.0.0.1:1' };
const status: CliEvent = { event: 'status', state: 'waiting' };

describe('reporter', () => {
  it('puts every JSON line on standard output', () => {
    const [out, error] = [sink(), sink()];
    const reporter = createReporter({ json: true }, out, error);
    reporter.event(listening);
    reporter.event(status);
    expect(out.lines.map((line) => JSON.parse(line))).toEqual([listening, status]);
    expect(error.lines).toEqual([]);
  });

  it('gathers the JSON lines of streams, and tells them before anything else that comes', () => {
    const out = sink();
    const reporter = createReporter({ json: true }, out, sink());
    const streams = [1, 2, 3].map((stream): CliEvent => ({ event: 'stream', state: 'open', stream, peer: 'p' }));
    for (const stream of streams) reporter.event(stream);
    expect(out.lines).toEqual([]);
    reporter.event(listening);
    expect(out.lines).toHaveLength(1);
    const lines = (out.lines[0] ?? '').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([...streams, listening]);
  });

  it('puts every JSON line on standard error where standard output carries payload', () => {
    const [out, error] = [sink(), sink()];
    createReporter({ json: true, payloadOnStdout: true }, out, error).event(listening);
    expect(out.lines).toEqual([]);
    expect(error.lines.map((line) => JSON.parse(line))).toEqual([listening]);
  });

  it('tells people of the same trouble every 30 seconds, and programs of each attempt', () => {
    let nowMs = 0;
    const attempts: CliEvent[] = [
      { event: 'status', state: 'connecting', relay: 'ws://r' },
      { event: 'status', state: 'waiting', relay: 'ws://r', code: 'ERR_LINK_FAILED', message: 'away', retryInMs: 900 },
    ];
    const countLines = (json: boolean): number => {
      const [out, error] = [sink(), sink()];
      const reporter = createReporter({ json }, out, error, () => nowMs);
      for (nowMs = 0; nowMs < 60_000; nowMs += 1_000) for (const event of attempts) reporter.event(event);
      reporter.event({ event: 'status', state: 'connected', relay: 'ws://r' });
      for (const event of attempts) reporter.event(event);
      return out.lines.length + error.lines.length;
    };
    // The first attempt, the same once more after 30 seconds, the end of the trouble, and a new one.
    expect(countLines(false)).toBe(2 + 1 + 1 + 2);
    expect(countLines(true)).toBe(123);
  });

  it('tells people of the trouble with each of several relays by itself', () => {
    const error = sink();
    const reporter = createReporter({ json: false }, sink(), error, () => 0);
    for (let attempt = 0; attempt < 10; attempt++) {
      for (const relay of ['ws://r', 'ws://s#id']) {
        reporter.event({ event: 'status', state: 'connecting', relay });
        reporter.event({ event: 'status', state: 'waiting', relay, code: 'ERR_LINK_FAILED', message: `${relay} away` });
      }
    }
    expect(error.lines).toHaveLength(4);
    // One is there again: the other one is still known to be away.
    reporter.event({ event: 'status', state: 'connected', relay: 'ws://r#id' });
    reporter.event({ event: 'status', state: 'connecting', relay: 'ws://s#id' });
    reporter.event({ event: 'status', state: 'connecting', relay: 'ws://r' });
    expect(error.lines).toHaveLength(6);
  });

  it('shows facts on standard output and the course of things on standard error to people', () => {
    const [out, error] = [sink(), sink()];
    const reporter = createReporter({ json: false }, out, error);
    reporter.event(listening);
    reporter.event(status);
    expect(out.lines).toEqual(['listening  127.0.0.1:1\n']);
    expect(error.lines).toEqual(['status waiting\n']);
  });

  it('drops events that nobody reads and says how many', () => {
    const [out, error] = [sink(), sink()];
    const reporter = createReporter({ json: true }, out, error);
    out.writableLength = 2_000_000;
    reporter.event(status);
    reporter.event(status);
    out.writableLength = 0;
    reporter.event(listening);
    expect(out.lines.map((line) => JSON.parse(line))).toEqual([{ event: 'dropped', count: 2 }, listening]);
  });

  it('prints the command for the other side so that a shell takes it as it is', () => {
    const out = sink();
    const address = 'sealane://x?relay=ws%3A%2F%2Fr%2Fits&e=2';
    createReporter({ json: false }, out, sink()).event({
      event: 'ready',
      id: 'x',
      name: null,
      service: '',
      relay: 'ws://r/its',
      address,
    });
    const [, command] = /connect with: (.*)/.exec(out.lines.join('')) ?? [];
    expect(command).toBe("sealane connect 'sealane://x?relay=ws%3A%2F%2Fr%2Fits&e=2' --listen 127.0.0.1:0");
  });

  it('never sends terminal escapes of others to a terminal', () => {
    const [out, error] = [{ ...sink(), isTTY: true }, sink()];
    createReporter({ json: false }, out, error).event({
      event: 'ready',
      id: 'x',
      name: 'n\u001b[31m',
      service: '',
      relay: 'ws://r',
      address: 'sealane://x\u0007',
    });
    expect(out.lines.join('')).not.toContain('\u0007');
    expect(out.lines.join('')).toContain('n\\u{1b}[31m');
  });

  it('shows an address so that a shell takes it for one word: with several relays it has "&"', () => {
    const [out, error] = [sink(), sink()];
    const address = `sealane://x?${Array.from({ length: 8 }, (_, at) => `relay=wss%3A%2F%2Fr${at}%23${'y'.repeat(150)}`).join('&')}`;
    createReporter({ json: false }, out, error).event({
      event: 'ready',
      id: 'x',
      name: null,
      service: '',
      relay: 'ws://r',
      address,
    });
    expect(out.lines.join('')).toContain(` connect '${address}' `);
  });
});
