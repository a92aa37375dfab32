import { appendFile, rm, writeFile } from 'node:fs/promises';
import {
  exchange,
  runProcess,
  startEchoServer,
  startProcess,
  stopAllProcesses,
  type TestProcess,
  type TestServer,
} from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { relayFile, TestUser } from './programs.js';

let echo: TestServer;
let owner: TestUser;
let dialer: TestUser;
let ownerId: string;
let dialerId: string;
const spoken: TestProcess[] = [];

beforeAll(async () => {
  echo = await startEchoServer();
  owner = await TestUser.create();
  dialer = await TestUser.create();
  ownerId = await owner.id();
  dialerId = await dialer.id();
});
afterAll(async () => {
  await stopAllProcesses();
  await echo.close();
  await owner.dispose();
  await dialer.dispose();
});

let relays = 0;
async function startRelay(
  args: readonly string[],
  directory: string = owner.file(`relay-${++relays}`),
): Promise<{ readonly relay: TestProcess; readonly url: string; readonly directory: string }> {
  const relay = startProcess(relayFile, ['--listen', '127.0.0.1:0', '--data-dir', directory, '--json', ...args], {
    label: 'relay',
  });
  spoken.push(relay);
  const { url } = await relay.waitFor('listening');
  return { relay, url: String(url), directory };
}

function expose(url: string, args: readonly string[]): TestProcess {
  const process = owner.start(['expose', String(echo.port), '--relay', url, '--json', ...args]);
  spoken.push(process);
  return process;
}

function connect(address: string, args: readonly string[], user: TestUser = dialer): TestProcess {
  const process = user.start(['connect', address, '--listen', '127.0.0.1:0', '--json', ...args]);
  spoken.push(process);
  return process;
}

const errorLine = (code: string): RegExp => new RegExp(`^error: .+ \\(${code}\\)$`, 'm');

async function refused(process: TestProcess, code: string): Promise<void> {
  expect((await process.exited).code).toBe(1);
  expect(process.stderr).toMatch(errorLine(code));
}

async function talksThrough(process: TestProcess): Promise<void> {
  const port = Number(
    String((await process.waitFor('listening'))['address'])
      .split(':')
      .at(-1),
  );
  expect(await exchange({ port }, [Buffer.from('x')])).toMatchObject({ bytes: 1 });
}

describe('a relay with --admit', () => {
  it('token: who shows one may expose, lists say whom it enrolled, and revoking it ends the lease', async () => {
    const { relay, url, directory } = await startRelay(['--admit', 'token']);
    const token = (...args: string[]) => runProcess(relayFile, ['token', ...args, '--data-dir', directory]);
    // Made beside the relay, and it holds at once.
    const made = JSON.parse((await token('new', '--expires', '1h', '--json')).stdout) as { id: string; token: string };
    await refused(expose(url, ['--allow-any']), 'ERR_RELAY_TOKEN');
    await writeFile(owner.file('token'), made.token, { mode: 0o600 });
    const process = expose(url, ['--allow-any', '--token', owner.file('token')]);
    const { address } = await process.waitFor('ready');
    const through = connect(String(address), []);
    await talksThrough(through);
    expect(JSON.parse((await token('list', '--json')).stdout)).toMatchObject({
      id: made.id,
      identities: [ownerId],
      uses: 1,
    });
    const second = await TestUser.create();
    const args = ['expose', '1', '--relay', url, '--allow-any', '--token', owner.file('token'), '--json'];
    await refused(second.start(args), 'ERR_RELAY_TOKEN');
    await second.dispose();
    expect((await token('revoke', made.id)).code).toBe(0);
    await refused(process, 'ERR_RELAY_TOKEN');
    expect(await relay.waitFor('denied')).toMatchObject({ id: ownerId });
    expect((await token('list')).stdout).toBe('');
    expect((await token('revoke', made.id)).stderr).toMatch(errorLine('ERR_ARGUMENT'));
    await through.kill();
    for (const { stdout, stderr } of spoken) expect(`${stdout}${stderr}`).not.toContain(made.token.slice(16, 40));
  });

  it('token: an enrolment outlives a killed relay, and a token that was used up stays so', async () => {
    const args = ['--admit', 'token'];
    const before = await startRelay(args);
    const { stdout: token } = await runProcess(relayFile, ['token', 'new', '--data-dir', before.directory]);
    const first = expose(before.url, ['--allow-any', '--token', token.trim()]);
    await first.waitFor('ready');
    await first.kill();
    await before.relay.kill();
    const { url, relay } = await startRelay(args, before.directory);
    await expose(url, ['--allow-any']).waitFor('ready');
    const other = dialer.start(['expose', '1', '--relay', url, '--allow-any', '--token', token.trim(), '--json']);
    await refused(other, 'ERR_RELAY_TOKEN');
    await relay.kill();
  });

  it('token: ls, send and receive get in with one at a relay where dialers have to be known, and not without', async () => {
    const { relay, url, directory } = await startRelay(['--admit', 'token', '--no-anonymous']);
    const newToken = ['token', 'new', '--uses', 'any', '--expires', 'never', '--data-dir', directory];
    const token = (await runProcess(relayFile, newToken)).stdout.trim();
    const list = await runProcess(relayFile, ['token', 'list', '--data-dir', directory]);
    expect(list.stdout).toMatch(/^[0-9a-f]{16} {2}0 of any {2}never\n$/);
    for (const args of [[], ['--identify']]) {
      const denied = await owner.run(['ls', '--relay', url, ...args]);
      expect([denied.code, denied.stderr]).toEqual([1, expect.stringMatching(/ERR_RELAY_(DENIED|TOKEN)\)/)]);
    }
    expect((await owner.run(['ls', '--relay', url, '--token', token])).code).toBe(2);
    const listed = await owner.run(['ls', '--relay', url, '--identify', '--token', token]);
    expect([listed.code, listed.stderr]).toEqual([0, 'nothing is public at this relay\n']);
    const file = owner.file('sent');
    await writeFile(file, 'hello');
    await refused(owner.start(['send', file, '--relay', url, '--json']), 'ERR_RELAY_TOKEN');
    const sending = owner.start(['send', file, '--relay', url, '--json', '--token', token]);
    spoken.push(sending);
    const { address } = await sending.waitFor('offer');
    const without = await dialer.run(['receive', String(address), '-o', '-']);
    expect([without.code, without.stderr]).toEqual([1, expect.stringMatching(/ERR_RELAY_(DENIED|TOKEN)\)/)]);
    const received = await dialer.run(['receive', String(address), '-o', '-', '--token', token]);
    expect([received.code, received.stdout]).toEqual([0, 'hello']);
    expect((await sending.exited).code).toBe(0);
    await relay.kill();
  });

  it('token: a file from before the database is taken over, with whom it enrolled, and revocations in it act at once', async () => {
    const file = owner.file('tokens-before');
    const old = JSON.parse((await runProcess(relayFile, ['token', 'new', '--token-file', file, '--json'])).stdout) as {
      id: string;
      token: string;
    };
    await appendFile(file, `${JSON.stringify({ enrolled: ownerId, by: old.id })}\n`);
    const first = await startRelay(['--admit', 'token', '--token-file', file]);
    await expose(first.url, ['--allow-any']).waitFor('ready');
    // Its one use is used up, as the file says.
    const used = dialer.start(['expose', '1', '--relay', first.url, '--allow-any', '--token', old.token, '--json']);
    await refused(used, 'ERR_RELAY_TOKEN');
    await first.relay.kill();
    // It is in the database now: the file is needed no more.
    const second = await startRelay(['--admit', 'token'], first.directory);
    await expose(second.url, ['--allow-any']).waitFor('ready');
    await second.relay.kill();
    const third = await startRelay(['--admit', 'token', '--token-file', file], first.directory);
    const process = expose(third.url, ['--allow-any']);
    await process.waitFor('ready');
    expect((await runProcess(relayFile, ['token', 'revoke', old.id, '--token-file', file])).code).toBe(0);
    await refused(process, 'ERR_RELAY_TOKEN');
    await third.relay.kill();
  });

  it('approval: a lease waits, both sides say pending, and the operator lets it in while it waits', async () => {
    const approved = owner.file('approved');
    await writeFile(approved, '# nobody yet\n');
    const { relay, url } = await startRelay(['--admit', 'approval', '--approved-file', approved]);
    const process = expose(url, ['--allow-any', '--name', 'waiting']);
    expect(await process.waitFor('pending')).toMatchObject({ relay: url, service: '', name: 'waiting' });
    expect(await relay.waitFor('pending')).toMatchObject({ use: 'lease', id: ownerId, name: 'waiting' });
    const early = dialer.start(['ping', 'waiting', '--relay', url, '--count', '1', '--json']);
    await refused(early, 'ERR_RELAY_NO_OWNER');
    await appendFile(approved, `${ownerId}\n`);
    const { address } = await process.waitFor('ready');
    const through = connect(String(address), []);
    await talksThrough(through);
    await writeFile(approved, '');
    expect(await relay.waitFor('denied')).toMatchObject({ id: ownerId });
    await through.kill();
    await process.kill();
  });

  it('allowlist with --no-anonymous: only listed identities expose and dial, and dialers show themselves', async () => {
    const ids = owner.file('ids');
    await writeFile(ids, `${ownerId}\n${dialerId} # a friend\n`);
    const { url } = await startRelay(['--admit', 'allowlist', '--allow-file', ids, '--no-anonymous']);
    const process = expose(url, ['--allow-any']);
    const { address } = await process.waitFor('ready');
    await refused(connect(String(address), []), 'ERR_RELAY_DENIED');
    const through = connect(String(address), ['--identify']);
    await talksThrough(through);
    for (const each of [through, process]) await each.kill();
  });

  it.each<[string, readonly string[], RegExp]>([
    ['a rule that there is not', ['--admit', 'friends'], /the rules are/],
    ['a rule without its file', ['--admit', 'allowlist'], /needs admission.allowFile/],
    ['a file without its rule', ['--allow-file', 'x'], /has no effect/],
    ['--open beside it', ['--admit', 'callout', '--callout', 'http://127.0.0.1', '--open'], /contradict/],
    ['--no-anonymous where all are anonymous', ['--no-anonymous'], /needs a rule other than open/],
    [
      'a time that is none',
      ['--admit', 'callout', '--callout', 'http://127.0.0.1', '--callout-timeout', '0'],
      /callout.timeout/,
    ],
  ])('%s is wrong usage', async (_, args, message) => {
    const run = await runProcess(relayFile, ['--listen', '127.0.0.1:0', '--data-dir', owner.file('unused'), ...args]);
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(message);
    expect(run.stderr).toMatch(errorLine('ERR_ARGUMENT'));
  });

  it('a file that cannot be read at start is an error; one that is damaged later changes nothing and is told', async () => {
    const ids = owner.file('damaged');
    const args = ['--admit', 'allowlist', '--allow-file', ids];
    const missing = await runProcess(relayFile, [
      '--listen',
      '127.0.0.1:0',
      '--data-dir',
      owner.file('unused'),
      ...args,
    ]);
    expect(missing.stderr).toMatch(errorLine('ERR_CONFIG'));
    await writeFile(ids, `${ownerId}\n`);
    const { relay, url } = await startRelay(args);
    const process = expose(url, ['--allow-any']);
    await process.waitFor('ready');
    await writeFile(ids, 'no id\n');
    await relay.waitFor('warning', (event) => event['code'] === 'ERR_CONFIG');
    expect(relay.events.filter(({ event }) => event === 'denied')).toEqual([]);
    await process.kill();
  });
});

describe('tickets', () => {
  it('expose --tickets lets in who connects with one, the relay turns the rest away', async () => {
    const { relay, url } = await startRelay([]);
    const process = expose(url, ['--tickets']);
    const { address } = await process.waitFor('ready');
    await refused(connect(String(address), []), 'ERR_RELAY_TICKET');
    const made = await owner.run(['ticket', 'new', '--for', dialerId, '--out', owner.file('ticket'), '--json']);
    expect(JSON.parse(made.stdout)).toMatchObject({ owner: ownerId, service: '', uses: 0 });
    const through = connect(String(address), ['--ticket', owner.file('ticket')]);
    await talksThrough(through);
    const stranger = await TestUser.create();
    await refused(connect(String(address), ['--ticket', owner.file('ticket')], stranger), 'ERR_E2EE_DENIED');
    await stranger.dispose();
    const session = await process.waitFor('session');
    expect(session).toMatchObject({ state: 'open', peer: dialerId });
    for (const each of [through, process]) await each.kill();
    await relay.kill();
  });

  it('a relay that was killed still knows which tickets were used, and turns them away before the owner hears', async () => {
    const before = await startRelay([]);
    const exposed = expose(before.url, ['--tickets']);
    const { stdout } = await owner.run(['ticket', 'new', '--bearer', '--uses', '1']);
    const ticket = stdout.trim();
    const through = connect(String((await exposed.waitFor('ready'))['address']), ['--ticket', ticket]);
    await talksThrough(through);
    for (const each of [through, exposed]) await each.kill();
    await before.relay.kill();
    // An owner with another memory, which has counted nothing.
    await rm(owner.file('config/sealane/ticket-uses.txt'));
    const { url, relay } = await startRelay([], before.directory);
    const second = expose(url, ['--tickets']);
    const again = connect(String((await second.waitFor('ready'))['address']), ['--ticket', ticket]);
    await refused(again, 'ERR_RELAY_TICKET');
    expect(second.events.filter(({ event }) => event === 'session')).toEqual([]);
    for (const each of [second, relay]) await each.kill();
  });

  it('a bearer ticket counts once, also after the owner has started again', async () => {
    const { relay, url } = await startRelay([]);
    const { stdout } = await owner.run(['ticket', 'new', '--bearer', '--expires', '15m']);
    const ticket = stdout.trim();
    const first = expose(url, ['--tickets']);
    const through = connect(String((await first.waitFor('ready'))['address']), ['--ticket', ticket]);
    await talksThrough(through);
    for (const each of [through, first, relay]) await each.kill();
    // Another relay has counted nothing: the owner remembers.
    const other = await startRelay([]);
    const second = expose(other.url, ['--tickets']);
    const again = connect(String((await second.waitFor('ready'))['address']), ['--ticket', ticket]);
    await refused(again, 'ERR_E2EE_DENIED');
    await second.kill();
    for (const each of spoken) expect(`${each.stdout}${each.stderr}`).not.toContain(ticket.slice(17, 60));
  });

  it('what is no ticket, or nobody could use, is wrong usage', async () => {
    const wrong: [readonly string[], string][] = [
      [['ticket', 'new'], 'ERR_ARGUMENT'],
      [['ticket', 'new', '--bearer', '--for', dialerId], 'ERR_ARGUMENT'],
      [['ticket', 'new', '--for', 'nobody'], 'ERR_ID_INVALID'],
      [['ticket', 'new', '--bearer', '--uses', '0'], 'ERR_ARGUMENT'],
      [['ticket', 'new', '--bearer', '--expires', 'soon'], 'ERR_ARGUMENT'],
      [['ticket', 'new', '--bearer', '--service', 'Not One'], 'ERR_ARGUMENT'],
      [
        ['connect', ownerId, '--relay', 'ws://127.0.0.1:1', '--stdio', '--ticket', 'sealane-ticket-1:aaaa'],
        'ERR_TICKET_INVALID',
      ],
      [
        ['connect', ownerId, '--relay', 'ws://127.0.0.1:1', '--stdio', '--identify', '--token', 'sealane-token-1:aaaa'],
        'ERR_SECRET_INVALID',
      ],
    ];
    for (const [args, code] of wrong) {
      const run = await owner.run(args);
      expect(run.code, args.join(' ')).toBe(2);
      expect(run.stderr, args.join(' ')).toMatch(errorLine(code));
      expect(run.stderr).not.toContain('aaaa');
    }
  });
});
