import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram, type SkippableTest, startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { sha256OfFile, testDirectory } from './support/files.js';
import { postgresUser, startPostgres } from './support/postgres-server.js';
import { bothWays, type ProgramResult, type RunOptions, runProgram } from './support/run-program.js';
import { type Tunnel, Tunnels } from './support/tunnels.js';

let directory: string;
let tunnels: Tunnels;
let started: Promise<Tunnel> | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-postgres-'));
  tunnels = await Tunnels.create();
});
afterAll(async () => {
  await tunnels[Symbol.asyncDispose]();
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

const where = (port: number): string[] => ['-h', '127.0.0.1', '-p', String(port), '-U', postgresUser];
const env = { PGDATABASE: 'postgres', PGCONNECT_TIMEOUT: '30', PGAPPNAME: 'test', PSQLRC: '/dev/null' };

/** One cluster and one tunnel to it for the whole file. */
async function setUp(context: SkippableTest): Promise<{
  tunnel: Tunnel;
  psql(port: number, args: readonly string[], options?: RunOptions): Promise<ProgramResult>;
}> {
  const program = requireProgram(context, 'psql');
  started ??= startPostgres(context, directory).then(({ port }) => tunnels.open(port));
  return {
    tunnel: await started,
    psql: (port, args, options) => runProgram(program, ['-X', '-w', ...where(port), ...args], { ...options, env }),
  };
}

test('psql: queries, errors and their exit status are those of a direct session', async (context) => {
  const { tunnel, psql } = await setUp(context);
  const script = `
    create temp table t (id int primary key, body text, raw bytea);
    insert into t select n, repeat(chr(9728 + n % 100), n % 300), decode(md5(n::text), 'hex') from generate_series(1, 20000) n;
    select count(*), sum(length(body)), md5(string_agg(body || encode(raw, 'hex'), '|' order by id)) from t;
    \\set FETCH_COUNT 500
    select id, left(body, 3), raw from t order by id;
    select 1/0;
    begin; insert into t values (1, 'twice', null);
    select 'in a failed transaction';
    rollback; notify nobody; \\conninfo
    select repeat('x', 3000000) as wide;
    select * from missing;
    do $$ begin raise notice 'a notice'; end $$;`;
  const { direct, through } = await bothWays(tunnel, async (port) => {
    const result = await psql(port, ['-f', '-'], { input: script });
    return { ...result, stdout: result.stdout.replaceAll(String(port), 'PORT') };
  });
  expect(through).toEqual(direct);
  expect(through.code).toBe(0);
  expect(through.stderr).toMatch(/division by zero[\s\S]*duplicate key[\s\S]*does not exist[\s\S]*NOTICE: {2}a notice/);
  const failing = await bothWays(tunnel, (port) => psql(port, ['-v', 'ON_ERROR_STOP=1', '-c', 'select 1/0']));
  expect(failing.through).toEqual(failing.direct);
  expect(failing.through.code).toBe(1);
});

test('psql: COPY moves a table of 100 MB out and in again', async (context) => {
  const { tunnel, psql } = await setUp(context);
  const target = testDirectory();
  const rows = 'select n, md5(n::text) || repeat(md5((n * 7)::text), 2) from generate_series(1, 950000) n';
  const { direct, through } = await bothWays(tunnel, async (port, way) => {
    const file = join(target, way);
    const out = await psql(port, ['-c', `\\copy (${rows}) to '${file}'`]);
    const create = `create unlogged table copied_${way} (n int, body text)`;
    const back = await psql(port, ['-q', '-c', create, '-c', `\\copy copied_${way} from '${file}'`]);
    const sums = await psql(port, [
      '-At',
      '-c',
      `select count(*), sum(n), sum(hashtext(body)::bigint) from copied_${way}`,
    ]);
    return { out, back, sums, sha256: await sha256OfFile(file) };
  });
  expect(through).toEqual(direct);
  expect(through.out).toMatchObject({ code: 0, stdout: 'COPY 950000\n' });
  expect(through.sums.stdout).toMatch(/^950000\|451250475000\|-?\d+\n$/);
});

test('psql: an interrupt cancels the query, over a connection of its own, and a lost server is told', async (context) => {
  const program = requireProgram(context, 'psql');
  const { tunnel, psql } = await setUp(context);
  const { direct, through } = await bothWays(tunnel, async (port) => {
    const args = ['-w', ...where(port), '-c', "select 'sleeping', pg_sleep(600)"];
    await using session = startProcess('-X', args, { command: program, events: 'none', env: { ...env, LC_ALL: 'C' } });
    const count =
      "select count(*) from pg_stat_activity where state = 'active' and query like '%sleeping%' and pid <> pg_backend_pid()";
    await vi.waitUntil(async () => (await psql(tunnel.backendPort, ['-At', '-c', count])).stdout === '1\n', {
      timeout: 20_000,
    });
    session.signal('SIGINT');
    const cancelled = await session.exited;
    const lost = await psql(port, ['-c', 'select pg_terminate_backend(pg_backend_pid())', '-c', 'select 2']);
    return { cancelled, message: session.stderr, lost };
  });
  expect(through).toEqual(direct);
  expect(through.cancelled.code).toBe(1);
  expect(through.message).toMatch(/canceling statement due to user request/);
  expect(through.lost.code).toBe(2);
});

test('pgbench: 8 clients lose no transaction, and all balances agree', { timeout: 240_000 }, async (context) => {
  const program = requireProgram(context, 'pgbench');
  const { tunnel, psql } = await setUp(context);
  const bench = (port: number, ...args: readonly string[]): Promise<ProgramResult> =>
    runProgram(program, [...where(port), ...args], { env });
  const { direct, through } = await bothWays(tunnel, async (port, way) => {
    const prepared = await bench(port, '-i', '-q', '-s', '4');
    const result = await bench(port, '-c', '8', '-j', '2', '-T', way === 'direct' ? '2' : '5', '-M', 'prepared');
    const processed = Number(/transactions actually processed: (\d+)/.exec(result.stdout)?.[1]);
    const failed = /number of failed transactions: (\d+)/.exec(result.stdout)?.[1] ?? '0';
    const balances = await psql(tunnel.backendPort, [
      ...['-At', '-F', ' ', '-c'],
      `select (select count(*) from pgbench_history) = ${processed},
        (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history),
        (select sum(bbalance) from pgbench_branches) = (select sum(delta) from pgbench_history),
        (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history)`,
    ]);
    expect(processed).toBeGreaterThan(0);
    return { prepared: prepared.code, code: result.code, stderr: /error|fatal/i.test(result.stderr), failed, balances };
  });
  expect(through).toEqual(direct);
  expect(through).toMatchObject({
    prepared: 0,
    code: 0,
    stderr: false,
    failed: '0',
    balances: { stdout: 't t t t\n' },
  });
  // Many short sessions: a connection for every transaction.
  const short = await bench(tunnel.port, '-c', '8', '-j', '2', '-t', '25', '-C', '-S');
  expect(short.stdout).toMatch(/transactions actually processed: 200\/200/);
});
