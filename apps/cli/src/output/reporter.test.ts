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

  it('puts every JSON line on standard error where standard output carries payload', () => {
    const [out, error] = [sink(), sink()];
    createReporter({ json: true, payloadOnStdout: true }, out, error).event(listening);
    expect(out.lines).toEqual([]);
    expect(error.lines.map((line) => JSON.parse(line))).toEqual([listening]);
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
});
