import { describe, expect, it } from 'vitest';
import { Output } from './output.js';

function sink(writableLength = 0) {
  const lines: string[] = [];
  return { lines, writableLength, isTTY: true, write: (text: string) => lines.push(text) };
}

describe('output', () => {
  it('tells programs one JSON object per line', () => {
    const stdout = sink();
    const output = new Output({ json: true, stdout, stderr: sink() });
    output.listening({ url: 'ws://127.0.0.1:1', id: 'x' });
    output.relay({ type: 'session-close', session: 1, bytesToOwner: 2, bytesToDialer: 3 });
    output.flush();
    expect(stdout.lines).toEqual([
      '{"event":"listening","url":"ws://127.0.0.1:1","id":"x"}\n',
      '{"event":"session-close","session":1,"bytesToOwner":2,"bytesToDialer":3}\n',
    ]);
  });

  it('writes lines of links and sessions together, in order, and before whatever else is told', () => {
    const stdout = sink();
    const output = new Output({ json: true, stdout, stderr: sink() });
    for (const link of ['a', 'b']) output.relay({ type: 'link-open', link, client: 'c' });
    for (const session of [1, 2]) output.relay({ type: 'session-close', session, bytesToOwner: 0, bytesToDialer: 0 });
    expect(stdout.lines).toEqual([]);
    output.stopping();
    expect(stdout.lines.map((text) => text.match(/"(session|link)":"?\w/g) ?? text)).toEqual([
      ['"link":"a', '"link":"b', '"session":1', '"session":2'],
      '{"event":"stopping"}\n',
    ]);
    output.flush();
    expect(stdout.lines).toHaveLength(2);
  });

  it('sums refusals up, so that a flood of them is no flood of lines', () => {
    const stdout = sink();
    const output = new Output({ json: true, stdout, stderr: sink() });
    for (let i = 0; i < 1_000; i++) output.relay({ type: 'refused', code: 'BUSY', where: 'connect' });
    output.flush();
    expect(stdout.lines).toEqual(['{"event":"refused","code":"BUSY","where":"connect","count":1000}\n']);
  });

  it('drops lines that nobody reads, and says how many', () => {
    const stdout = { ...sink(), writableLength: 2_000_000 };
    const output = new Output({ json: true, stdout, stderr: sink() });
    output.stopping();
    output.stopping();
    stdout.writableLength = 0;
    output.stopping();
    expect(stdout.lines).toEqual(['{"event":"dropped","count":2}\n', '{"event":"stopping"}\n']);
  });

  it('drops complaints that nobody reads, however many', () => {
    const stderr = { ...sink(), writableLength: 2_000_000 };
    new Output({ json: false, stdout: sink(), stderr }).relay({ type: 'fault', code: 'ERR_INTERNAL', message: 'x' });
    expect(stderr.lines).toEqual([]);
  });

  it('never throws what writing throws', () => {
    const broken = {
      writableLength: 0,
      write: () => {
        throw new Error('ENOSPC');
      },
    };
    for (const json of [true, false]) {
      const output = new Output({ json, stdout: broken, stderr: broken });
      output.listening({ url: 'u', id: 'i' });
      output.warning('CODE', 'text');
      output.relay({ type: 'fault', code: 'ERR_INTERNAL', message: 'x' });
      output.relay({ type: 'refused', code: 'BUSY', where: 'connect' });
      output.flush();
    }
  });

  it('uses colours on a terminal unless NO_COLOR says otherwise', () => {
    const texts = [false, true].map((noColor) => {
      const stdout = sink();
      new Output({ json: false, stdout, stderr: sink(), noColor }).listening({ url: 'u', id: 'i' });
      return stdout.lines.join('').includes('\u001b[');
    });
    expect(texts).toEqual([true, false]);
  });
});
