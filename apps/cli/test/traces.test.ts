import { readFile } from 'node:fs/promises';
import { connectTo, exchange, startEchoServer, stopAllProcesses, type TestServer } from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { World } from './world.js';

let echo: TestServer;
let world: World;

beforeAll(async () => {
  echo = await startEchoServer();
});
afterEach(async () => {
  await stopAllProcesses();
  await world.dispose();
});
afterAll(() => echo.close());

const logged = ['--set', 'log.level=debug'];

/** Lines of the relay's log that hold the text. */
const logLines = (text: string): Readonly<Record<string, unknown>>[] =>
  world.relay.stderr
    .split('\n')
    .filter((line) => line.includes(text))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);

async function logLine(event: string, text: string): Promise<Readonly<Record<string, unknown>>> {
  return await vi.waitFor(
    () => {
      const line = logLines(text).find((entry) => entry['event'] === event);
      if (line === undefined) throw new Error(`the log has no ${event} with ${text}:\n${world.relay.stderr}`);
      return line;
    },
    { timeout: 20_000, interval: 50 },
  );
}

it('dialer, relay and owner print one connection id for a session, and one resume id for its next path', async () => {
  world = await World.create(logged);
  const { process: owner, address } = await world.expose(echo.port);
  const { process: dialer, port } = await world.connect(address);
  const { connection } = await dialer.waitFor('connected');
  expect(connection).toMatch(/^[0-9a-f]{32}$/);
  const id = String(connection);
  expect(await owner.waitFor('session', ({ state }) => state === 'open')).toMatchObject({ connection });
  expect(await world.relay.waitFor('session-open')).toMatchObject({ connection });
  expect(await logLine('session-open', id)).toMatchObject({ level: 'info', connection, owner: world.ownerId });
  // What a person would do: one id, looked for in what each of the three printed.
  for (const text of [dialer.stdout, owner.stdout, world.relay.stdout, world.relay.stderr]) expect(text).toContain(id);

  const socket = await connectTo({ port });
  const said = async (): Promise<void> => {
    socket.write('x');
    await new Promise((resolve) => socket.once('data', resolve));
  };
  await said();
  await world.killRelay();
  await dialer.waitFor('session', ({ state }) => state === 'interrupted');
  await world.restartRelay();
  const resumed = await dialer.waitFor('session', ({ state }) => state === 'resumed');
  expect(resumed).toMatchObject({ connection, resume: expect.stringMatching(/^[0-9a-f]{32}$/) });
  const { resume } = resumed;
  expect(await owner.waitFor('session', ({ state }) => state === 'resumed')).toMatchObject({ connection, resume });
  expect(await logLine('session-open', String(resume))).toMatchObject({ resume });
  // The relay that was started in between has never heard of the connection id: nothing but the ends ties the two.
  expect(world.relay.stderr).not.toContain(id);
  await said();
  socket.destroy();
  await dialer.stop();
  expect(await owner.waitFor('session', ({ state }) => state === 'closed')).toMatchObject({ connection });
  expect(await logLine('session-close', String(resume))).toMatchObject({ bytesToOwner: expect.any(Number) });
});

it('no payload, token, ticket, access secret or key reaches an output or the log, however much is logged', async () => {
  world = await World.create();
  const { owner, dialer } = world;
  const secretFile = owner.file('name-of-the-secret');
  const ticketFile = owner.file('name-of-the-ticket');
  const tokens = owner.file('tokens');
  const make = await world.relayCommand(['token', 'new', '--token-file', tokens, '--expires', '1h', '--json']);
  const { token } = JSON.parse(make.stdout) as { token: string };
  await owner.run(['secret', 'new', '--out', secretFile]);
  await owner.run(['ticket', 'new', '--bearer', '--service', 'safe', '--expires', '1h', '--out', ticketFile]);
  const log = owner.file('relay.log');
  const admit = ['--admit', 'token', '--token-file', tokens, '--set', `log.file=${log}`];
  await world.replaceRelay([...logged, ...admit]);
  const shared = ['--access-secret', secretFile, '--token', token];
  const exposed = await world.expose(echo.port, [...shared, '--service', 'safe', '--tickets', '--allow-any']);
  const dialing = ['--ticket', ticketFile, ...shared, '--identify'];
  const { process: connected, port } = await world.connect(exposed.address, dialing);
  const marker = Buffer.from('MARKER-OF-PAYLOAD-7f3a91');
  expect(await exchange({ port }, [marker])).toMatchObject({ bytes: marker.length });
  // Refusals speak of what was shown, too.
  const without = world.startConnect(exposed.address, [...shared, '--identify']);
  await without.exited;
  const wrong = world.startConnect(exposed.address, ['--ticket', ticketFile, '--token', token, '--identify']);
  await wrong.exited;
  await connected.stop();
  await exposed.process.stop();
  await world.relay.stop();

  const text = await readFile(log, 'utf8');
  expect(text).toContain('"event":"session-open"');
  expect(text).toContain('"event":"refused"');
  const outputs = [world.relay, exposed.process, connected, without, wrong].flatMap((p) => [p.stdout, p.stderr]);
  const said = [text, ...outputs].join('\n');
  const keys = await Promise.all([owner, dialer].map((user) => readFile(user.identityFile(), 'utf8')));
  const secrets = [
    ...[marker.toString(), marker.toString('hex'), marker.toString('base64'), token, 'name-of-the-secret'],
    ...['name-of-the-ticket', ...(await Promise.all([secretFile, ticketFile].map((file) => readFile(file, 'utf8'))))],
    ...(await Promise.all(['identity.key', 'node.key'].map((name) => readFile(owner.file(`relay/${name}`), 'utf8')))),
    ...keys,
  ].flatMap(wordsOf);
  expect(secrets.length).toBeGreaterThan(12);
  for (const secret of secrets) expect(said.includes(secret), `${secret.slice(0, 6)}... is told`).toBe(false);
});

/** What in a file could be a secret: every long run of characters that encodings use, but not what everybody knows. */
function wordsOf(text: string): string[] {
  const known = [world.ownerId, world.dialerId, world.relayId];
  return (text.match(/[A-Za-z0-9+/_=-]{16,}/g) ?? []).filter((word) => !known.some((id) => id.includes(word)));
}
