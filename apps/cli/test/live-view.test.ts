import { readFile } from 'node:fs/promises';
import { connectTo, exchange, startEchoServer, stopAllProcesses, type TestServer } from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PtyProgram } from './pty-program.js';
import { World } from './world.js';

let world: World;
let echo: TestServer;
beforeAll(async () => {
  world = await World.create();
  echo = await startEchoServer();
});
afterAll(async () => {
  await echo.close();
  await world.dispose();
  await stopAllProcesses();
});

const exposeArgs = (service: string, ...more: string[]): string[] => [
  ...['expose', String(echo.port), '--relay', world.relayUrl, '--service', service, '--allow', world.dialerId],
  ...more,
];
const titles = (lines: readonly string[]) => lines.filter((line) => /^(expose|connect) .* up \d/.test(line));
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a cursor is moved
const moves = /\u001b\[\d*[A-K]/;

describe('the live view', () => {
  it('shows a session and its bytes in place, below what is printed, on any width, and goes away at the end', async (test) => {
    await using owner = PtyProgram.start(test, world.owner, exposeArgs('wide'), { columns: 90, rows: 20 });
    await owner.see((screen) => {
      expect(screen.join('\n')).toMatch(
        /ready {2}connect with:[\s\S]*\nexpose \d+ +up 0:\d\d\nrelay ws:.* up .*\ntotal, 0 sessions/,
      );
    });
    const { process: dialer, port } = await world.connect(`${world.ownerId}/wide`, ['--relay', world.relayUrl]);
    await using _ = dialer;
    const socket = await connectTo({ port });
    socket.resume();
    socket.write(Buffer.alloc(1_500_000));
    const short = `${world.dialerId.slice(0, 8)}..${world.dialerId.slice(-4)}`;
    await owner.see((screen) => {
      expect(screen.at(-3)).toMatch(/^peer +streams +in +out +in\/s +out\/s +rtt$/);
      expect(screen.at(-2)).toMatch(new RegExp(`^${short} +1 +1\\.50 MB +1\\.50 MB`));
      expect(screen.at(-1)).toMatch(/^total, 1 session +1 +1\.50 MB +1\.50 MB/);
    });
    for (const columns of [40, 100, 60]) {
      await owner.resize(columns, 20);
      await owner.see((screen) => {
        expect(screen.at(-5)?.length).toBe(columns - 1);
        expect(screen.at(-2)).toContain(short.slice(0, 8));
      });
      expect(titles(owner.terminal.history)).toHaveLength(1);
    }
    // Nothing about streams is printed where the view shows it.
    expect(owner.output).not.toContain('stream 1 open');
    socket.destroy();
    owner.type('\u0003');
    expect((await owner.process.exited).code).toBe(0);
    expect(owner.terminal.screen.join('\n')).toMatch(/^stopping: /m);
    expect(titles(owner.terminal.history)).toEqual([]);
    expect(owner.terminal.cursor.column).toBe(0);
  });

  it('names a peer as the user does, says when the relay is away, that the session waits for it, and that it came back', async (test) => {
    await using relayed = await World.create();
    await relayed.expose(echo.port, ['--name', 'shop']);
    const args = ['connect', 'shop', '--relay', relayed.relayUrl, '--listen', '127.0.0.1:0'];
    await using dialer = PtyProgram.start(test, relayed.dialer, args, { columns: 70, rows: 20 });
    await dialer.see((screen) => {
      expect(titles(screen)).toHaveLength(1);
      expect(screen.at(-2)).toMatch(new RegExp(`^shop ${relayed.ownerId.slice(0, 8)}`));
    });
    await relayed.killRelay();
    await dialer.see((screen) => {
      expect(screen.at(-4)).toMatch(/^relay ws:\S+ +(retry \d+ s|connecting) /);
      expect(screen.at(-2)).toMatch(/^shop \S+ +\d+ .* interrupted \d+ s$/);
    });
    await relayed.restartRelay();
    await dialer.see((screen) => {
      expect(screen.at(-4)).toMatch(/^relay ws:\S+ +up /);
      expect(screen.at(-2)).toMatch(/^shop \S+ +\d+ .* resumed \(\d+\.\d s\)$/);
    });
    // It is news for a while only.
    await dialer.see((screen) => expect(screen.at(-2)).toMatch(/^shop \S+ +\d+ .*B\/s +\S+ ms$/));
    dialer.type('\u0003');
    await dialer.process.exited;
    expect(titles(dialer.terminal.history)).toEqual([]);
  });

  it('leaves the error that ends the program as the last line', async (test) => {
    await using owner = PtyProgram.start(test, world.owner, exposeArgs('taken'), { columns: 120, rows: 24 });
    await owner.see((screen) => expect(titles(screen)).toHaveLength(1));
    await using _ = (await world.expose(echo.port, ['--service', 'taken', '--take-over'])).process;
    expect((await owner.process.exited).code).toBe(1);
    expect(owner.terminal.history.join('')).toMatch(/error: [^\n]+ \(ERR_RELAY_SUPERSEDED\)$/);
    expect(titles(owner.terminal.history)).toEqual([]);
  });

  it('gives the terminal to the shell at Ctrl-Z, and takes it back with the program', async (test) => {
    const size = { columns: 80, rows: 24, inShell: true };
    await using owner = PtyProgram.start(test, world.owner, exposeArgs('stopped'), size);
    await owner.see((screen) => expect(titles(screen)).toHaveLength(1));
    owner.type('\u001a');
    await owner.see((screen) => expect(screen.at(-1)).toBe('in the shell'));
    expect(titles(owner.terminal.screen)).toEqual([]);
    owner.type('\r');
    await owner.see((screen) => expect(titles(screen)).toHaveLength(1));
    owner.type('\u0003');
    await owner.see((screen) => expect(screen.at(-1)).toBe('the end'));
    expect(titles(owner.terminal.screen)).toEqual([]);
  });

  it('a terminal that is stopped stops no connection', async (test) => {
    const size = { columns: 80, rows: 24 };
    await using owner = PtyProgram.start(test, world.owner, exposeArgs('held'), size);
    await owner.see((screen) => expect(titles(screen)).toHaveLength(1));
    const { process: dialer, port } = await world.connect(`${world.ownerId}/held`, ['--relay', world.relayUrl]);
    await using _ = dialer;
    owner.type('\u0013');
    // Long enough for the view to be drawn again while nobody takes it.
    for (let round = 0; round < 5; round += 1) {
      expect(await exchange({ port }, [Buffer.from('hello')])).toMatchObject({ bytes: 5, end: 'fin' });
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const before = owner.output.length;
    owner.type('\u0011');
    await owner.see((screen) => {
      expect(owner.output.length).toBeGreaterThan(before);
      expect(titles(screen)).toHaveLength(1);
      expect(screen.at(-1)).toMatch(/^total, 1 session +0 +25 B +25 B/);
    });
  });

  it('goes on where nobody could continue the program', async (test) => {
    await using owner = PtyProgram.start(test, world.owner, exposeArgs('alone'), { columns: 80, rows: 24 });
    await owner.see((screen) => expect(titles(screen)).toHaveLength(1));
    const before = titles(owner.terminal.screen);
    owner.type('\u001a');
    await owner.see((screen) => {
      expect(titles(screen)).toHaveLength(1);
      expect(titles(screen)).not.toEqual(before);
    });
    const stat = await readFile(`/proc/${await owner.pid}/stat`, 'utf8');
    expect(stat.slice(stat.lastIndexOf(')') + 2)).toMatch(/^[^T]/);
  });

  it.for([
    ['TERM=dumb', [], { TERM: 'dumb' }],
    ['NO_COLOR', [], { NO_COLOR: '1' }],
    ['--no-live', ['--no-live'], {}],
    ['--json', ['--json'], {}],
  ] as const)('with %s lines are lines, as in a pipe', async ([name, args, env], test) => {
    await using owner = PtyProgram.start(
      test,
      world.owner,
      exposeArgs(name.toLowerCase().replace(/[^a-z]/g, ''), ...args),
      {
        columns: 80,
        rows: 24,
        env,
      },
    );
    await owner.see(() => expect(owner.output).toMatch(/ready {2}connect with|"event":"ready"|ready.*connect with/));
    owner.type('\u0003');
    expect((await owner.process.exited).code).toBe(0);
    expect(owner.output).toMatch(/stopping/);
    expect(owner.output).not.toMatch(moves);
  });
});
