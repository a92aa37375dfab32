import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { RelayClient } from '@sealane/client';
import { expect, test } from 'vitest';
import { Pulse, startPulseServer } from './support/pulse.js';
import { RelayStage } from './support/relay-stage.js';
import { reportPauses } from './support/report-pauses.js';

/** Takes connections and never says a word. */
async function startSilentServer(): Promise<{ readonly url: string; close(): void }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

test('where the first relay takes connections and never answers, expose and connect work over the second at once', async () => {
  const silent = await startSilentServer();
  await using backend = await startPulseServer();
  await using stage = await RelayStage.start(backend.port, {
    ownerUrls: ([relay]) => [silent.url, relay!.url],
    dialerUrls: ([relay]) => [silent.url, relay!.url],
  });
  const startedMs = performance.now();
  const client = await RelayClient.connect([silent.url, stage.relay.url]);
  const connectedMs = performance.now() - startedMs;
  await client.close({ deadlineMs: 0 });
  await using pulse = await Pulse.start(stage.target);
  // And when that one dies, nobody waits for the silent one: it is back, and so is the session.
  await stage.relay.kill();
  const listeningMs = await stage.relay.restart();
  const pauseMs = await pulse.pauseSince(listeningMs);
  await pulse.finish();
  silent.close();
  expect(stage.resets).toEqual([]);
  reportPauses('a link, the first relay silent', [connectedMs]);
  reportPauses('restarted relay listens -> next byte, another one silent', [pauseMs]);
  // Raced 250 ms apart; the silent one would take 10 s.
  expect(connectedMs).toBeGreaterThan(240);
  expect(connectedMs).toBeLessThan(5_000);
  expect(pauseMs).toBeLessThan(9_000);
});
