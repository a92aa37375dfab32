import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { requireProgram, startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { EventSourceServer, eventText, wholeEvents } from './support/event-source.js';
import type { BothWays } from './support/run-program.js';
import { type Tunnel, Tunnels } from './support/tunnels.js';
import { serveWebSocketEcho, WebSocketClient } from './support/websocket-echo.js';

let tunnels: Tunnels;
beforeAll(async () => {
  tunnels = await Tunnels.create();
});
afterAll(async () => {
  await tunnels[Symbol.asyncDispose]();
  await stopAllProcesses();
});

async function tunnelTo(server: http.Server): Promise<Tunnel> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return await tunnels.open((server.address() as AddressInfo).port);
}

function close(server: http.Server): void {
  server.close();
  server.closeAllConnections();
}

/** Half a minute is spent waiting for events: both ways and what else takes long run beside each other. */
describe.concurrent('long-lived HTTP through expose and connect', () => {
  const seconds = 30;
  const events = seconds * 10;

  test(`server-sent events for ${seconds} s arrive one by one, exact and in order`, async (context) => {
    const curl = requireProgram(context, 'curl');
    const source = new EventSourceServer({ events, intervalMs: 100 });
    const tunnel = await tunnelTo(source.server);
    const listen = async (port: number, name: string): Promise<{ code: number | null; stdout: string }> => {
      const args = ['-sS', '-N', '--noproxy', '*', `http://127.0.0.1:${port}/${name}`];
      await using client = startProcess('-q', args, { command: curl, events: 'none' });
      let told = 0;
      client.child.stdout?.on('data', () => {
        const whole = wholeEvents(client.stdout);
        while (told < whole.length) source.seen(`/${name}`, whole[told++] ?? Number.NaN);
      });
      const { code } = await client.exited;
      return { code, stdout: client.stdout };
    };
    const [direct, through] = await Promise.all([listen(tunnel.backendPort, 'direct'), listen(tunnel.port, 'through')]);
    expect(through).toEqual(direct);
    expect(through).toEqual({ code: 0, stdout: Array.from({ length: events }, (_, n) => eventText(n)).join('') });
    expect(source.gone).toBe(0);
    close(source.server);
  });

  test('a client of events that goes away is gone for the server, too', async (context) => {
    const curl = requireProgram(context, 'curl');
    const source = new EventSourceServer({ events: 1_000, intervalMs: 1 });
    const tunnel = await tunnelTo(source.server);
    for (const [index, port] of [tunnel.backendPort, tunnel.port].entries()) {
      const args = ['-sS', '-N', '--noproxy', '*', `http://127.0.0.1:${port}/leaver`];
      await using client = startProcess('-q', args, { command: curl, events: 'none' });
      await vi.waitUntil(() => client.stdout.endsWith('\n\n'), { timeout: 20_000 });
      await client.kill();
      await vi.waitUntil(() => source.gone === index + 1, { timeout: 20_000 });
    }
    close(source.server);
  });

  test.each([
    ['plain', false],
    ['with permessage-deflate', true],
  ])(
    'a WebSocket, %s, echoes text, binary, fragments and 10 MB, answers pings and closes with its code',
    async (_, deflate) => {
      const server = http.createServer();
      const sockets = new WebSocketServer({ server, perMessageDeflate: deflate, maxPayload: 16_000_000 });
      serveWebSocketEcho(sockets);
      const tunnel = await tunnelTo(server);
      const converse = async (port: number): Promise<readonly string[]> => {
        const client = await WebSocketClient.open(port, { deflate });
        await client.echo('text, with umlauts: äöü 🛤');
        await client.echo('');
        await client.echo(Buffer.alloc(0));
        for (const bytes of [1, 125, 126, 65_535, 65_536, 1_000_000]) await client.echoSeeded(bytes);
        await client.echoFragments(['one ', 'two ', '', 'three']);
        await client.echoSeeded(10_000_000);
        await client.ping('are you there');
        // Many at once, answered in order.
        await Promise.all(Array.from({ length: 200 }, (_, index) => client.echo(`message ${index}`)));
        await client.close(4_321, 'enough');
        const refused = await WebSocketClient.open(port, { deflate });
        await refused.closedByServer('close me');
        const cut = await WebSocketClient.open(port, { deflate });
        await cut.closedByServer('cut me');
        return [...client.transcript, ...refused.transcript, ...cut.transcript];
      };
      const ways: BothWays<readonly string[]> = {
        direct: await converse(tunnel.backendPort),
        through: await converse(tunnel.port),
      };
      expect(ways.through).toEqual(ways.direct);
      const ends = ways.through.filter((line) => line.startsWith('closed'));
      expect(ends).toEqual(['closed 4321 enough', 'closed 4000 as you wish', 'closed 1006 ']);
      sockets.close();
      close(server);
    },
  );
});
