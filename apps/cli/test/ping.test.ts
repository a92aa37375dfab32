import { stopAllProcesses } from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await World.create();
});
afterAll(async () => {
  await world.dispose();
  await stopAllProcesses();
});

const startPing = (address: string, args: readonly string[] = []) =>
  world.dialer.start(['ping', address, '--json', '--interval', '0.02', ...args]);
const round = (least: number) => (event: Readonly<Record<string, unknown>>) => Number(event['round']) >= least;

describe('sealane ping', () => {
  it('measures round trips to the owner and to the relay, and sums them up', async () => {
    const { process: owner, address } = await world.expose(1, ['--service', 'ping']);
    await using _ = owner;
    await using ping = startPing(address, ['--count', '7']);
    expect((await ping.exited).code).toBe(0);
    const rounds = ping.events.filter(({ event }) => event === 'ping');
    expect(rounds.map((event) => event['round'])).toEqual([1, 2, 3, 4, 5, 6, 7]);
    for (const event of rounds) {
      expect(Number(event['ownerMs'])).toBeGreaterThan(0);
      expect(Number(event['relayMs'])).toBeGreaterThan(0);
    }
    for (const [who, field] of [
      ['owner', 'ownerMs'],
      ['relay', 'relayMs'],
    ] as const) {
      const sorted = rounds.map((event) => Number(event[field])).sort((a, b) => a - b);
      expect((await ping.waitFor('ping-summary'))[who]).toEqual({
        sent: 7,
        received: 7,
        lost: 0,
        minMs: sorted[0],
        p50Ms: sorted[3],
        p90Ms: sorted[6],
        p99Ms: sorted[6],
        maxMs: sorted[6],
      });
    }
    // A ping is a session and opens no stream: nothing reaches the service.
    expect(owner.events.map(({ event }) => event)).not.toContain('stream');
  });

  it('says it to people in one line per round and a table', async () => {
    const { process: owner, address } = await world.expose(1, ['--service', 'people']);
    await using _ = owner;
    const { code, stdout } = await world.dialer.run(['ping', address, '--count', '2', '--interval', '0.01']);
    expect(code).toBe(0);
    const ms = String.raw`\d+\.\d{3}`;
    const row = (who: string) => `${who}( +${ms}){5}  0 of 2 lost`;
    expect(stdout).toMatch(
      new RegExp(
        `^round 1  owner ${ms} ms  relay ${ms} ms\nround 2  owner ${ms} ms  relay ${ms} ms\nms +min +p50 +p90 +p99 +max\n${row('owner')}\n${row('relay')}\n$`,
      ),
    );
  });

  it('an owner that dies in the middle is lost with a code, the relay goes on, and the exit code says so', async () => {
    const { process: owner, address } = await world.expose(1, ['--service', 'dies']);
    await using ping = startPing(address, ['--count', '100']);
    await ping.waitFor('ping', round(3));
    await owner.kill();
    const lost = await ping.waitFor('ping', ({ ownerMs }) => ownerMs === null);
    expect(['ERR_E2EE_TRUNCATED', 'ERR_RELAY_NO_OWNER']).toContain(lost['ownerCode']);
    expect(Number(lost['relayMs'])).toBeGreaterThan(0);
    expect((await ping.exited).code).toBe(1);
    expect(ping.stderr).toMatch(/^error: nobody serves \S+\/dies at the relay now; [^\n]+ \(ERR_RELAY_NO_OWNER\)\n$/);
    const { owner: owners, relay } = (await ping.waitFor('ping-summary')) as unknown as Record<
      'owner' | 'relay',
      Record<string, number>
    >;
    expect(owners['lost']).toBeGreaterThan(0);
    expect(relay).toMatchObject({ sent: 100, lost: 0 });
  });

  it('finds an owner again that came back', async () => {
    const first = await world.expose(1, ['--service', 'back']);
    await using ping = startPing(first.address, ['--count', '0']);
    await ping.waitFor('ping', round(2));
    await first.process.kill();
    const lost = await ping.waitFor('ping', ({ ownerMs }) => ownerMs === null);
    await using _ = (await world.expose(1, ['--service', 'back'])).process;
    await ping.waitFor('ping', (event) => Number(event['round']) > Number(lost['round']) && event['ownerMs'] !== null);
    // Ctrl-C ends it with the sum and success.
    expect(await ping.stop('SIGINT')).toEqual({ code: 0, signal: null });
    expect(ping.events.at(-1)?.['event']).toBe('ping-summary');
  });

  it('an owner that is silent is lost after the time limit, and found again when it goes on', async () => {
    const { process: owner, address } = await world.expose(1, ['--service', 'mute']);
    await using _ = owner;
    await using ping = startPing(address, ['--count', '0', '--timeout', '0.3']);
    await ping.waitFor('ping', round(2));
    owner.signal('SIGSTOP');
    const lost = await ping.waitFor('ping', ({ ownerCode }) => ownerCode === 'ERR_E2EE_TIMEOUT');
    expect(Number(lost['relayMs'])).toBeGreaterThan(0);
    await ping.waitFor('ping', round(Number(lost['round']) + 2));
    owner.signal('SIGCONT');
    await ping.waitFor('ping', (event) => round(Number(lost['round']) + 3)(event) && event['ownerMs'] !== null);
    expect((await ping.stop()).code).toBe(0);
  });

  it('a refusal or an absent relay at the start is an error, not a loss', async () => {
    const { process: owner, address } = await world.expose(1, ['--service', 'closed', '--allow', world.ownerId]);
    await using _ = owner;
    const ping = async (...args: string[]) => await world.dialer.run(['ping', ...args, '--json']);
    const refused = await ping(address);
    expect({ code: refused.code, stdout: refused.stdout.includes('"ping"') }).toEqual({ code: 1, stdout: false });
    expect(refused.stderr).toMatch(/\(ERR_E2EE_DENIED\)\n$/);
    const absent = await ping(`${world.ownerId}/nobody`, '--relay', world.relayUrl);
    expect([absent.code, absent.stderr]).toEqual([1, expect.stringMatching(/\(ERR_RELAY_NO_OWNER\)\n$/)]);
    const noRelay = await ping(world.ownerId, '--relay', 'ws://127.0.0.1:1');
    expect([noRelay.code, noRelay.stderr]).toEqual([1, expect.stringMatching(/\(ERR_LINK_FAILED\)\n$/)]);
  });
});
