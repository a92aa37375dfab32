import { Credential } from '@sealane/crypto/credential';
import { VirtualClock } from '@sealane/testkit';
import { MessageKind, RelayCode, SealaneError } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import type { JournalName, NameJournal } from '../src/name-journal.js';
import { createRelayInMemory, type RelayInMemory } from './relay-in-memory.js';
import type { ScriptedClient } from './scripted-client.js';

class TestJournal implements NameJournal {
  readonly names = new Map<string, JournalName>();
  /** Of `settled`, until {@link settle}. */
  readonly #waiting: (() => void)[] = [];
  isSlow = false;
  isFull = false;

  load(): Iterable<JournalName> {
    return [...this.names.values()];
  }
  use(name: string, id: string): void {
    if (this.isFull) throw new SealaneError('ERR_DATABASE_FULL');
    this.names.set(name, { name, id, keptUntilMs: null });
  }
  keep(name: string, id: string, keptUntilMs: number): void {
    this.names.set(name, { name, id, keptUntilMs });
  }
  forget(name: string): void {
    this.names.delete(name);
  }
  together<T>(work: () => T): T {
    return work();
  }
  settled(): Promise<void> {
    return this.isSlow ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }
  settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

const register = async (relay: RelayInMemory, client: ScriptedClient, name: string | null, sequence = 1) => {
  const request = client.register(relay.key, { name, sequence });
  await relay.pass();
  return () => client.answerTo(request);
};
const refusal = (code: number) => expect.objectContaining({ kind: MessageKind.ERROR, code });
const registered = expect.objectContaining({ kind: MessageKind.REGISTERED });

describe('names that outlive a relay', () => {
  it('are confirmed when the journal has settled, and not before', async () => {
    const names = new TestJournal();
    const relay = await createRelayInMemory({ names });
    const { client } = await relay.owner();
    names.isSlow = true;
    const answer = await register(relay, client, 'blue');
    expect([answer(), names.names.get('blue')?.keptUntilMs]).toEqual([undefined, null]);
    names.settle();
    await relay.pass();
    expect(answer()).toEqual(registered);
  });

  it('are kept with their grace when the lease ends, and forgotten after it', async () => {
    const names = new TestJournal();
    const relay = await createRelayInMemory({ names, limits: { nameGraceMs: 60_000 } });
    const { client } = await relay.owner();
    await register(relay, client, 'blue');
    client.send({ kind: MessageKind.RELEASE, request: client.nextRequest(), service: '', sequence: 1 });
    await relay.pass();
    const left = (names.names.get('blue')?.keptUntilMs ?? 0) - relay.clock.wallMs();
    expect(left).toBeGreaterThan(59_000);
    expect(left).toBeLessThanOrEqual(60_000);
    await relay.pass(62_000);
    expect(names.names.size).toBe(0);
  });

  it('are those of their owners in the next relay: in use they begin their grace, kept ones go on with it', async () => {
    const names = new TestJournal();
    const id = (await Credential.create()).id;
    const nowMs = new VirtualClock().wallMs();
    names.names.set('used', { name: 'used', id, keptUntilMs: null });
    names.names.set('kept', { name: 'kept', id, keptUntilMs: nowMs + 5_000 });
    names.names.set('over', { name: 'over', id, keptUntilMs: nowMs - 5_000 });
    const relay = await createRelayInMemory({ names });
    const { client: stranger } = await relay.owner();
    expect(relay.relay.statistics().names).toBe(3);
    expect((await register(relay, stranger, 'used'))()).toEqual(refusal(RelayCode.NAME_TAKEN));
    expect((await register(relay, stranger, 'kept', 2))()).toEqual(refusal(RelayCode.NAME_TAKEN));
    expect((await register(relay, stranger, 'over', 3))()).toEqual(registered);
  });

  it('are refused, and nothing changes, when they cannot be written', async () => {
    const names = new TestJournal();
    const relay = await createRelayInMemory({ names });
    const { client } = await relay.owner();
    names.isFull = true;
    expect((await register(relay, client, 'blue'))()).toEqual(refusal(RelayCode.INTERNAL));
    expect(relay.relay.statistics()).toMatchObject({ leases: 0, names: 0 });
    expect((await register(relay, client, null, 2))()).toEqual(registered);
    names.isFull = false;
    expect((await register(relay, client, 'blue', 3))()).toEqual(registered);
  });
});
