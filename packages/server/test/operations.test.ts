import { encodeOpen } from '@sealane/protocol';
import { MessageKind, OpenKind, RelayCode, ResetCode } from '@sealane/types';
import { expect, it } from 'vitest';
import { createRelayInMemory } from './relay-in-memory.js';
import { type ScriptedClient, SeenStream } from './scripted-client.js';

const HELD_MS = 65_000;

/** Asks for another path of a session with this owner: the code of the refusal, undefined if the owner was asked. */
async function resume(
  dialer: ScriptedClient,
  owner: Uint8Array,
  pass: () => Promise<void>,
): Promise<number | undefined> {
  const seen = new SeenStream();
  const open = encodeOpen({
    kind: OpenKind.RESUME,
    owner,
    service: '',
    instance: new Uint8Array(16).fill(1),
    resumeId: new Uint8Array(16).fill(4),
    pathNumber: 1,
    sealed: new Uint8Array(34).fill(5),
  });
  seen.stream = dialer.mux.openStream(open, seen);
  dialer.flush();
  await pass();
  return seen.answer?.kind === MessageKind.REJECT ? seen.answer.code : undefined;
}

it('a session that the operator ends cannot take another path for as long as it tries, and others can', async () => {
  const { relay, key, owner, connect, pass } = await createRelayInMemory();
  const { client: holder, credential } = await owner();
  holder.register(key, { ttlMs: 300_000 });
  await pass();
  const [{ client: dialer }, { client: other }] = [await connect(), await connect()];
  const { seen } = dialer.connect(credential.publicKey);
  await pass();
  holder.accept(0);
  await pass();
  const [session] = relay.inspection.sessions().items;
  expect(relay.operations.endSession((session?.session ?? 0) + 1)).toBe(false);
  expect(relay.operations.endSession(session?.session ?? 0)).toBe(true);
  await pass();
  expect([seen.resetCode, relay.statistics().sessions]).toEqual([ResetCode.GONE, 0]);
  expect(await resume(dialer, credential.publicKey, pass)).toBe(RelayCode.NO_SESSION);
  expect(await resume(other, credential.publicKey, pass)).toBeUndefined();
  // A new session is another matter.
  const fresh = dialer.connect(credential.publicKey).seen;
  await pass();
  holder.accept(2);
  await pass();
  expect([fresh.resetCode, relay.statistics().sessions]).toEqual([undefined, 1]);
  await pass(HELD_MS);
  expect(await resume(dialer, credential.publicKey, pass)).toBeUndefined();
});

it('leases that the operator ends are refused with the reason for that time, those of other services are not', async () => {
  const { relay, key, owner, connect, pass } = await createRelayInMemory();
  const { client, credential } = await owner();
  for (const service of ['a', 'b']) client.register(key, { service });
  await pass();
  expect(relay.operations.endLeases(credential.id, 'c')).toBe(0);
  expect(relay.operations.endLeases(credential.id, 'a', 'moved')).toBe(1);
  await pass();
  expect([client.errorCodes, client.end?.code]).toEqual([[RelayCode.DENIED], 1008]);
  const { client: back } = await connect({ signer: credential });
  const ask = async (service: string, sequence: number) => {
    const request = back.register(key, { service, sequence, ttlMs: 300_000 });
    await pass();
    return back.answerTo(request);
  };
  expect(await ask('a', 2)).toMatchObject({
    code: RelayCode.DENIED,
    text: 'the operator of the relay ended this lease: moved',
    value: null,
  });
  expect(await ask('b', 2)).toMatchObject({ kind: MessageKind.REGISTERED });
  await pass(HELD_MS);
  expect(await ask('a', 3)).toMatchObject({ kind: MessageKind.REGISTERED });
  expect(relay.operations.endLeases(credential.id, undefined)).toBe(2);
});
