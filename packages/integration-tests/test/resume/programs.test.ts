import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram, skipTest, startProcess } from '@sealane/testkit';
import { expect, test, vi } from 'vitest';
import { postgresUser, startPostgres } from '../programs/support/postgres-server.js';
import { runProgram } from '../programs/support/run-program.js';
import { SshServer } from '../programs/support/ssh-server.js';
import { RelayStage } from './support/relay-stage.js';

const deaths = 3;
const waiting = { timeout: 60_000, interval: 20 };

async function killAndRestart({ relay }: RelayStage): Promise<void> {
  await relay.kill();
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
  await relay.restart();
}

test.concurrent(`a session of ssh on a terminal goes on across ${deaths} deaths of the relay`, async (context) => {
  const ssh = requireProgram(context, 'ssh');
  const directory = mkdtempSync(join(tmpdir(), 'sealane-resume-ssh-'));
  try {
    await using server = await SshServer.start(context, directory);
    // Who is no superuser may not own a new terminal on some machines; then sshd gives up, tunnel or not.
    const probe = await runProgram(ssh, ['-tt', ...server.login(server.port), 'echo a terminal']);
    if (!probe.stdout.includes('a terminal')) {
      skipTest(context, 'sshd cannot give this user a terminal on this machine');
    }
    await using stage = await RelayStage.start(server.port);
    const [first = '', ...rest] = ['-tt', ...server.login(stage.target.port), "PS1='ready> ' ENV= exec sh -i"];
    const options = { command: ssh, events: 'none', env: { TERM: 'xterm', LC_ALL: 'C' } } as const;
    await using session = startProcess(first, rest, options);
    /** Types a line; the answer, without the echo of what was typed. */
    const say = async (line: string, answer: string): Promise<void> => {
      const from = session.stdout.length;
      session.child.stdin?.write(`${line}\n`);
      await vi.waitUntil(() => {
        if (session.hasExited) throw new Error(`ssh ended: ${session.stdout} ${session.stderr}`);
        // What was typed ahead is echoed before the prompt, so that the answer may follow the prompt.
        return new RegExp(`(?:\\n|ready> )${answer}\\r\\n[^]*ready> $`).test(session.stdout.slice(from));
      }, waiting);
    };
    await vi.waitUntil(() => session.stdout.includes('ready> '), waiting);
    await say('test -t 0 && echo on a terminal; kept=1', 'on a terminal');
    for (let death = 1; death <= deaths; death++) {
      // What runs writes on while the relay is away, and what is typed then is not lost either.
      session.child.stdin?.write(`for n in 1 2 3 4 5 6; do echo "round ${death} line $n"; sleep 0.2; done\n`);
      const restarted = killAndRestart(stage);
      await say(`kept=$((kept * 2)); echo "kept is $kept"`, `kept is ${2 ** death}`);
      await restarted;
      for (let line = 1; line <= 6; line++) {
        expect(session.stdout.split(`\nround ${death} line ${line}\r\n`)).toHaveLength(2);
      }
    }
    session.child.stdin?.write('exit 7\n');
    expect(await session.exited).toEqual({ code: 7, signal: null });
    expect(stage.resets).toEqual([]);
    expect(stage.resumed.length).toBeGreaterThanOrEqual(2 * deaths);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test.concurrent(`a transaction in psql is committed across ${deaths} deaths of the relay`, async (context) => {
  const psql = requireProgram(context, 'psql');
  const directory = mkdtempSync(join(tmpdir(), 'sealane-resume-psql-'));
  try {
    const server = await startPostgres(context, directory);
    await using _server = server.process;
    await using stage = await RelayStage.start(server.port);
    const where = (port: number): string[] => [
      ...['-h', '127.0.0.1', '-p', String(port), '-U', postgresUser, '-d', 'postgres', '-At', '-w'],
      ...['-v', 'ON_ERROR_STOP=1'],
    ];
    const direct = async (query: string): Promise<string> =>
      (await runProgram(psql, ['-X', ...where(server.port), '-c', query])).stdout.trim();
    await using session = startProcess('-X', where(stage.target.port), {
      command: psql,
      events: 'none',
      env: { LC_ALL: 'C' },
    });
    /** Sends a query and waits for a line that only its end prints. */
    let queries = 0;
    const run = async (query: string): Promise<void> => {
      const mark = `done-${++queries}`;
      session.child.stdin?.write(`${query}\n\\echo ${mark}\n`);
      await vi.waitUntil(() => {
        if (session.hasExited) throw new Error(`psql ended: ${session.stdout} ${session.stderr}`);
        return session.stdout.includes(`${mark}\n`);
      }, waiting);
    };
    await run('create table deaths (n int primary key, note text); begin;');
    for (let death = 1; death <= deaths; death++) {
      // A statement is under way when the relay dies, and the next ones are sent while it is away.
      const slow = run(`insert into deaths select ${death}, 'slow' from pg_sleep(0.5);`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await Promise.all([
        killAndRestart(stage),
        slow,
        run(`insert into deaths select ${100 * death} + n, repeat('x', 1000) from generate_series(1, 50) n;`),
      ]);
      // The transaction is still open: nobody else sees anything.
      expect(await direct('select count(*) from deaths')).toBe('0');
    }
    await run('commit;');
    expect(await direct('select count(*), sum(n) from deaths')).toBe(
      `${deaths * 51}|${Array.from({ length: deaths }, (_, index) => (index + 1) * 5_001 + 1_275).reduce((a, b) => a + b)}`,
    );
    session.child.stdin?.end('\\q\n');
    expect(await session.exited).toEqual({ code: 0, signal: null });
    expect(stage.resets).toEqual([]);
    expect(stage.resumed.length).toBeGreaterThanOrEqual(2 * deaths);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
