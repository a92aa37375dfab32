import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { runProcess, startProcess, stopAllProcesses } from './process.js';
import { findProgram, requireProgram } from './programs.js';

afterEach(stopAllProcesses);

const emit = (script: string): ReturnType<typeof startProcess> => startProcess('-e', [script], { label: 'script' });

test('waitFor finds past and future events and their fields', async () => {
  const child = emit(`
    console.log('not json');
    console.log(JSON.stringify({ event: 'first', value: 1 }));
    process.stdin.once('data', () => console.log(JSON.stringify({ event: 'second', value: 2 })));
  `);
  expect(await child.waitFor('first')).toEqual({ event: 'first', value: 1 });
  const second = child.waitFor('second', ({ value }) => value === 2);
  child.child.stdin?.write('go\n');
  expect((await second)['value']).toBe(2);
  expect((await child.waitFor('first'))['value']).toBe(1);
  child.child.stdin?.end();
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('waitFor fails with the output when the process ends first', async () => {
  const child = emit(`console.error('the reason'); process.exitCode = 3`);
  await expect(child.waitFor('never')).rejects.toThrow(/ended before the event "never"/);
  await expect(child.waitFor('never')).rejects.toThrow('the reason');
  expect(await child.exited).toEqual({ code: 3, signal: null });
});

test('waitFor fails at its time limit', async () => {
  const child = emit('setInterval(() => {}, 1000)');
  await expect(child.waitFor('never', undefined, { timeoutMs: 50 })).rejects.toThrow(/within 50 ms/);
});

test('stop asks with SIGTERM and reports the exit', async () => {
  const child = emit(`
    process.once('SIGTERM', () => process.exit(7));
    setInterval(() => {}, 1000);
    console.log(JSON.stringify({ event: 'ready' }));
  `);
  await child.waitFor('ready');
  expect(await child.stop()).toEqual({ code: 7, signal: null });
  expect(child.hasExited).toBe(true);
});

test('kill ends what the process started, too', async () => {
  const child = emit(`
    const grandchild = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    console.log(JSON.stringify({ event: 'ready', pid: grandchild.pid }));
    setInterval(() => {}, 1000);
  `);
  const { pid } = await child.waitFor('ready');
  await child.kill();
  await expect.poll(() => processState(pid as number)).toBe('gone');
});

test('memory and processor time of a child are seen', async () => {
  const child = emit(`
    const block = Buffer.alloc(64 << 20, 1);
    console.log(JSON.stringify({ event: 'ready' }));
    setInterval(() => block.length, 1000);
  `);
  await child.waitFor('ready');
  expect(child.peakMemoryBytes()).toBeGreaterThan(64 << 20);
  expect(child.residentBytes()).toBeLessThanOrEqual(child.peakMemoryBytes());
  expect(child.cpuSeconds()).toBeGreaterThanOrEqual(0);
});

test('runProcess passes input and returns output', async () => {
  const result = await runProcess('-e', ['process.stdin.pipe(process.stdout)'], { input: 'hello' });
  expect(result).toMatchObject({ code: 0, stdout: 'hello', stderr: '' });
});

test('a missing program skips with the reason, or fails where skips are no proof', () => {
  const before = process.env['SEALANE_REQUIRE_PROGRAMS'];
  const notes: (string | undefined)[] = [];
  const context = { skip: (note?: string) => notes.push(note) };
  try {
    delete process.env['SEALANE_REQUIRE_PROGRAMS'];
    expect(() => requireProgram(context, 'no-such-program')).toThrow();
    expect(notes).toEqual(['no-such-program is not installed']);
    process.env['SEALANE_REQUIRE_PROGRAMS'] = '1';
    expect(() => requireProgram(context, 'no-such-program')).toThrow(/this run needs it/);
    expect(notes).toHaveLength(1);
  } finally {
    if (before === undefined) delete process.env['SEALANE_REQUIRE_PROGRAMS'];
    else process.env['SEALANE_REQUIRE_PROGRAMS'] = before;
  }
  expect(findProgram('sh')).toMatch(/\/sh$/);
});

/** A killed process without a parent that waits for it stays as a zombie: it is gone as well. */
function processState(pid: number): string {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')) ? 'gone' : 'alive';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : 'unknown';
  }
}
