import { expect, test } from 'vitest';
import { ExampleStage, output, printed } from './example-stage.js';

test('http-server and http-agent: a server without a port answers whom it knows, by name of their key', async () => {
  await using agent = await ExampleStage.open('http-agent');
  const id = (await output(agent.run('http-agent/get.js'))).trim();
  await using server = await ExampleStage.open('http-server');
  const serving = server.run('http-server/server.js', { ID: id });
  const address = await printed(serving, 'address');
  expect(await output(agent.run("http-agent/get.js 'ADDRESS' /hello", { ADDRESS: address }))).toBe(
    `200 Hello ${id}, you asked for /hello\n\n`,
  );
  expect(await output(agent.run("http-agent/get.js 'ADDRESS' /echo", { ADDRESS: address }))).toBe('200 some text\n');

  await using stranger = await ExampleStage.open('http-agent');
  const refused = stranger.run("http-agent/get.js 'ADDRESS' /hello", { ADDRESS: address });
  expect((await refused.exited).code).not.toBe(0);
  expect(refused.stderr).toContain('ERR_E2EE_DENIED');
  expect(await serving.stop()).toEqual({ code: 0, signal: null });
});

test('chat: lines go both ways, and both programs end when both sides ended', async () => {
  await using stage = await ExampleStage.open('chat');
  const host = stage.run('chat/chat.js --relay');
  const guest = stage.run("chat/chat.js 'INVITATION'", { INVITATION: await printed(host, 'invitation') });
  await printed(host, 'connected to');
  await printed(guest, 'connected to');
  host.child.stdin?.write('from the host\n');
  guest.child.stdin?.write('from the guest \u001b[31m\n');
  await printed(host, '>');
  await printed(guest, '>');
  guest.child.stdin?.end();
  host.child.stdin?.end('and good bye\n');
  expect(await output(host)).toContain('> from the guest �[31m\n');
  expect(await output(guest)).toMatch(/> from the host\n> and good bye\n$/);
});

test('chat: an invitation without its secret, or used twice, leads nowhere', async () => {
  await using stage = await ExampleStage.open('chat');
  const host = stage.run('chat/chat.js --relay');
  const invitation = await printed(host, 'invitation');
  const other = await printed(stage.run('chat/chat.js --relay'), 'invitation');
  const swapped = `${invitation.split('+')[0]}+${other.split('+')[1]}`;
  const thief = stage.run("chat/chat.js 'INVITATION'", { INVITATION: swapped });
  expect((await thief.exited).code).not.toBe(0);
  const guest = stage.run("chat/chat.js 'INVITATION'", { INVITATION: invitation });
  await printed(guest, 'connected to');
  const second = stage.run("chat/chat.js 'INVITATION'", { INVITATION: invitation });
  expect((await second.exited).code).not.toBe(0);
  expect(second.stderr).toContain('ERR_RELAY_NO_OWNER');
});

test('websocket-app: two voters see the same score', async () => {
  await using stage = await ExampleStage.open('websocket-app');
  const app = stage.run('websocket-app/app.js');
  const address = await printed(app, 'address');
  const one = stage.run('websocket-app/vote.js', { ADDRESS: address });
  const two = stage.run('websocket-app/vote.js', { ADDRESS: address, tea: 'coffee' });
  expect(await output(one)).toMatch(/tea 1, coffee 1\n$/);
  expect(await output(two)).toMatch(/tea 1, coffee 1\n$/);
  expect(await app.stop()).toEqual({ code: 0, signal: null });
});
