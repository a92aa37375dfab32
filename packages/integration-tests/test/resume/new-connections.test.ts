import { exchange, FaultyWire, seededChunks, seededSha256, startEchoServer } from '@sealane/testkit';
import { expect, test } from 'vitest';
import { RelayStage } from './support/relay-stage.js';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('connections that begin while the relay is away, or back before the owner, wait and get through', async () => {
  const bytes = 1_000;
  await using backend = await startEchoServer();
  let ownerWire: FaultyWire | undefined;
  await using stage = await RelayStage.start(backend.port, {
    ownerUrls: async ([relay]) => {
      ownerWire = await FaultyWire.start({ port: relay!.port });
      return [`ws://127.0.0.1:${ownerWire.port}`];
    },
  });
  const connect = async (seed: number): Promise<void> => {
    const expected = { bytes, sha256: seededSha256(seed, bytes), end: 'fin' };
    expect(await exchange(stage.target, seededChunks(seed, bytes))).toEqual(expected);
  };
  await connect(0);
  ownerWire!.refuse(true);
  await stage.relay.kill();
  const connections: Promise<void>[] = [];
  const begin = async (seed: number): Promise<void> => {
    const connection = connect(seed);
    connection.catch(() => undefined);
    connections.push(connection);
    await sleep(150);
  };
  for (let seed = 1; seed <= 10; seed++) await begin(seed);
  await stage.relay.restart();
  // The dialer is there again, and the owner is not.
  for (let seed = 11; seed <= 20; seed++) await begin(seed);
  ownerWire!.refuse(false);
  for (let seed = 21; seed <= 25; seed++) await begin(seed);
  await Promise.all(connections);
  await ownerWire!.close();
  expect(stage.resets).toEqual([]);
});
