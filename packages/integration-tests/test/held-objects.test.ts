import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '@sealane/client';
import {
  exchange,
  FaultyWire,
  readHeapCensus,
  seededChunks,
  startEchoServer,
  stopAllProcesses,
  type TestProcess,
} from '@sealane/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ThreeProcesses } from './three-processes.js';

/** What a round does. It is done again and again: what grows with it is held for good. */
const round = { connections: 100, sessions: 20, cuts: 2 };
const rounds = 3;
/** More than the time between two ticks of a link, at which it lets go of streams that have ended. */
const tickMs = 700;
const looks = 4;
/** Of one class: what happens to be on its way. Less than one for each session, and much less than one for each connection. */
const slack = 40;
/** Of what each cut makes anew there may be few more: there are fewer cuts than sessions. */
const ofCuts: ReadonlySet<string> = new Set(['RelayLink', 'WebSocketConnection', 'Resumer']);
const slackOfCuts = 3;
/** What the engine makes while code becomes warm is of these, so that they are no measure. */
const unnamed: ReadonlySet<string> = new Set(['Object', 'Array', 'function ', 'system / Context']);
/** What an owner keeps of up to 1,024 ended sessions for two minutes, to tell a dialer that would resume one: nothing else. */
const ofEndedSessions: ReadonlySet<string> = new Set(
  'SessionKeys,Resumption,RecordSealer,RecordKey,CipherState,AeadKey,Uint8Array,ArrayBuffer'.split(','),
);
const probe = fileURLToPath(new URL('support/heap-probe.mjs', import.meta.url));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-held-'));
});
afterEach(async () => {
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

/** Connections through the tunnel, sessions that begin and end, and links that are cut, which sessions outlive. */
async function doRound(three: ThreeProcesses, wires: readonly FaultyWire[]): Promise<void> {
  const resumed = () => three.owner.events.filter(({ state }) => state === 'resumed').length;
  let left = round.connections;
  const connectAll = async (): Promise<void> => {
    while (left-- > 0) {
      const bytes = 1 + ((left * 97) % 5_000);
      expect(await exchange(three.target, seededChunks(left, bytes))).toMatchObject({ bytes, end: 'fin' });
    }
  };
  const before = resumed();
  await Promise.all([connectAll(), connectAll(), connectAll(), connectAll()]);
  for (let cut = 0; cut < round.cuts; cut++) {
    wires[cut % wires.length]!.cutAll();
    expect(await exchange(three.target, seededChunks(cut, 1_000))).toMatchObject({ bytes: 1_000, end: 'fin' });
  }
  expect(resumed()).toBeGreaterThan(before);
  await using client = await connect(three.relayUrl);
  for (let session = 0; session < round.sessions; session++) {
    const dialed = await client.dial(three.address, { fresh: true });
    // The owner has confirmed it by then.
    await dialed.ping();
    if (session % 2 === 0) await dialed.close();
    else dialed.abort();
  }
}

/** Objects of each class after a collection. */
async function census(process: TestProcess): Promise<ReadonlyMap<string, number>> {
  const from = process.events.length;
  process.signal('SIGUSR2');
  const { snapshot } = await process.waitFor('memory', undefined, { from, timeoutMs: 120_000 });
  return readHeapCensus(String(snapshot));
}

/** Classes of which there are more than happen to be on their way. */
function grownOf(label: string, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] {
  return [...after].flatMap(([name, count]) => {
    const more = count - (before.get(name) ?? 0);
    const isExpected = unnamed.has(name) || (label === 'sealane expose' && ofEndedSessions.has(name));
    return more > (ofCuts.has(name) ? slackOfCuts : slack) && !isExpected ? [`${label}: ${more} more of ${name}`] : [];
  });
}

test('what a relay, expose and connect hold does not grow with connections, sessions and resumptions that are over', async () => {
  await using echo = await startEchoServer();
  const wires: FaultyWire[] = [];
  const throughWire = async (port: number): Promise<number> => {
    const wire = await FaultyWire.start({ port });
    wires.push(wire);
    return wire.port;
  };
  await using three = await ThreeProcesses.start(String(echo.port), {
    ownerRelayPort: throughWire,
    dialerRelayPort: throughWire,
    node: { execArgv: ['--expose-gc', '--import', probe], env: { SEALANE_HEAP_SNAPSHOTS: directory } },
  });
  await doRound(three, wires);
  await sleep(tickMs);
  const before = await Promise.all(three.processes.map(census));
  for (let more = 0; more < rounds; more++) await doRound(three, wires);
  let after = before;
  let grown: string[] = [];
  // What has ended goes at the next tick of its link, late on a busy machine; what is held for good stays whenever one looks.
  for (let look = 0; look === 0 || (grown.length > 0 && look < looks); look++) {
    await sleep(tickMs);
    after = await Promise.all(three.processes.map(census));
    grown = three.processes.flatMap(({ label }, index) => grownOf(label, before[index]!, after[index]!));
  }
  expect(grown).toEqual([]);
  // It looks at what it claims to look at.
  expect(after.every((counts) => (counts.get('Mux') ?? 0) > 0)).toBe(true);
  expect(after[1]!.get('Resumption')! - before[1]!.get('Resumption')!).toBe(rounds * round.sessions);
  await Promise.all(wires.map((wire) => wire.close()));
});
