import { startEchoServer, stopAllProcesses, type TestServer } from '@sealane/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { World } from './world.js';

let world: World;
let echo: TestServer;

beforeAll(async () => {
  world = await World.create(['--admin-listen', '127.0.0.1:0', '--set', 'log.level=debug']);
  echo = await startEchoServer();
});
afterAll(async () => {
  await echo.close();
  await world.dispose();
  await stopAllProcesses();
});

async function operate(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await world.relayCommand(['admin', '--data-dir', world.owner.file('relay'), ...args]);
  expect([args, code, stderr]).toEqual([args, 0, '']);
}

it('a ban without an end is final: expose says why with the code and ends, also when it is started again', async () => {
  const { process } = await world.expose(echo.port);
  await operate('ban', 'id', world.ownerId, '--reason', 'spam');
  const refusal = { code: 'ERR_RELAY_DENIED', message: 'this identity is banned: spam' };
  expect(await process.waitFor('refused')).toMatchObject(refusal);
  expect(await process.waitFor('status', (event) => event['state'] === 'lease-refused')).toMatchObject(refusal);
  expect((await process.exited).code).toBe(1);
  const again = world.startExpose(String(echo.port), ['--allow-any']);
  expect((await again.exited).code).toBe(1);
  expect(again.stderr).toMatch(/^error: this identity is banned: spam; .* \(ERR_RELAY_DENIED\)$/m);
  await operate('unban', 'id', world.ownerId);
});

it('a ban with an end is told, and waited for, be it lifted or over', async () => {
  const { process } = await world.expose(echo.port);
  await operate('ban', 'id', world.ownerId, '--expires', '1h');
  await process.waitFor('status', (event) => event['state'] === 'waiting' && event['code'] === 'ERR_RELAY_DENIED');
  await operate('unban', 'id', world.ownerId);
  const registered = (): number => process.events.filter((event) => event['state'] === 'lease-registered').length;
  await expect.poll(registered, { timeout: 90_000 }).toBe(2);
  await process.kill();
});

it('a lease that an operator ends does not come back by itself: expose says why and ends', async () => {
  const { process } = await world.expose(echo.port, ['--service', 'web']);
  await operate('leases', 'end', world.ownerId, '--service', 'web', '--reason', 'moved');
  expect(await process.waitFor('refused')).toMatchObject({
    code: 'ERR_RELAY_DENIED',
    message: 'the operator of the relay ended this lease: moved',
  });
  expect((await process.exited).code).toBe(1);
});

it('who is refused prints the id that the relay logs the request by', async () => {
  const { process: owner, address } = await world.expose(echo.port, ['--service', 'mine', '--allow', world.ownerId]);
  const dialer = world.startConnect(address);
  expect((await dialer.exited).code).toBe(1);
  const [, connection] = /; connection ([0-9a-f]{32}) \(ERR_E2EE_DENIED\)$/m.exec(dialer.stderr) ?? [];
  expect(connection).toBeDefined();
  // The owner's refusal is sealed: to the relay it was a session.
  await expect.poll(() => world.relay.stderr, { timeout: 30_000 }).toContain(`"connection":"${connection}"`);
  await owner.kill();
});
