import { VirtualClock } from '@sealane/testkit';
import type { LeaseRecord } from '../../server/src/lease-store.js';
import { resolveLimits } from '../../server/src/limits.js';
import { MemoryLeaseStore } from '../../server/src/memory-lease-store.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

const names = [null, 'a', 'b', 'c'] as const;
const holders = ['h0', 'h1', 'h2'];
const limits = resolveLimits({
  leasesPerIdentity: 2,
  namesPerIdentity: 2,
  maxLeases: 4,
  maxNames: 3,
  maxLeaseBytes: 9_000,
  nameGraceMs: 60_000,
});

/** What has been granted, as somebody would note it who only hears the answers. */
interface Granted {
  readonly record: LeaseRecord;
  untilMs: number;
}

/** Leases, names and sequence numbers under any order of claims, renewals, releases and time. */
export const leaseStoreTarget: Target = {
  name: 'lease-store',
  shape: { kind: 'bytes' },
  maxBytes: 300,
  seeds: () =>
    [
      '00000001010a 000101010114 0300 0401 00000002010a 01000002 0200 05',
      '000000010114 0000010101ff 060a 000000020200 0601 0000000301 05',
      '00010001020a 010100 0610 00000001020a 05 0680 0001',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  run(input) {
    const script = new Script(input);
    const clock = new VirtualClock();
    const store = new MemoryLeaseStore(limits, clock);
    const notes = new Notes(clock);
    for (let step = 0; step < 80 && !script.isOver; step++) {
      act(script, store, notes, clock);
      notes.check(store);
    }
    store.expire();
    clock.advance(400_000);
    store.expire();
    assertRule(store.leaseCount === 0, 'every lease ends');
    clock.advance(limits.nameGraceMs + 1_000);
    store.expire();
    assertRule(store.nameCount === 0, 'no name is kept for ever');
  },
};

class Notes {
  readonly granted = new Map<string, Granted>();
  /** Highest number granted, and until when it must be remembered. */
  readonly sequences = new Map<string, { sequence: number; untilMs: number }>();
  /** To whom a name belongs, and until when nobody else gets it. */
  readonly names = new Map<string, { id: string; untilMs: number }>();
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  inForce(key: string): LeaseRecord | undefined {
    const note = this.granted.get(key);
    return note !== undefined && note.untilMs > this.#clock.nowMs() ? note.record : undefined;
  }

  grant(record: LeaseRecord): void {
    const key = keyOf(record);
    const untilMs = this.#clock.nowMs() + record.ttlMs;
    const before = this.inForce(key);
    this.granted.set(key, { record, untilMs });
    this.sequences.set(key, { sequence: record.sequence, untilMs: untilMs + limits.nameGraceMs });
    // A name that the lease had before is its owner's for the time of grace.
    if (before?.name != null && before.name !== record.name) this.#keep(before.name, before.id, this.#clock.nowMs());
    if (record.name !== null) this.#keep(record.name, record.id, untilMs);
  }

  end(key: string): void {
    const note = this.granted.get(key);
    if (note === undefined) return;
    this.granted.delete(key);
    if (note.record.name !== null) this.#keep(note.record.name, note.record.id, this.#clock.nowMs());
    const { sequence } = note.record;
    this.sequences.set(key, { sequence, untilMs: this.#clock.nowMs() + limits.nameGraceMs });
  }

  check(store: MemoryLeaseStore): void {
    assertRule(store.leaseCount <= limits.maxLeases && store.nameCount <= limits.maxNames, 'limits are kept');
    for (const identity of [0, 1, 2]) {
      let count = 0;
      for (const service of ['', 'web', 'db']) {
        const key = `${identity} ${service}`;
        const found = store.find(Uint8Array.of(identity), service);
        assertRule(found === this.inForce(key), 'a lease is found for exactly its time');
        if (found !== undefined) count++;
      }
      assertRule(count <= limits.leasesPerIdentity, 'an identity has so many leases');
    }
    this.#checkList(store);
    for (const name of names) {
      if (name === null) continue;
      const found = store.findName(name);
      if (found === undefined) continue;
      assertRule(found.name === name && this.inForce(keyOf(found)) === found, 'a name stands for a lease in force');
    }
  }

  /** What is public is listed, each once, whatever the pages. */
  #checkList(store: MemoryLeaseStore): void {
    const listed: LeaseRecord[] = [];
    let cursor: string | undefined;
    for (let page = 0; ; page++) {
      assertRule(page < 20, 'a listing comes to an end');
      const { records, next } = store.listPublic(cursor, 2);
      listed.push(...records.map(({ record }) => record));
      if (next === undefined) break;
      cursor = next;
    }
    const open = [...this.granted.keys()].map((key) => this.inForce(key)).filter((record) => record?.signed != null);
    const isSame = listed.length === open.length && listed.every((record) => open.includes(record));
    assertRule(isSame, 'what is public is listed, each once');
  }

  #keep(name: string, id: string, fromMs: number): void {
    this.names.set(name, { id, untilMs: fromMs + limits.nameGraceMs });
  }
}

function keyOf({ identity, service }: LeaseRecord): string {
  return `${identity[0]} ${service}`;
}

function act(script: Script, store: MemoryLeaseStore, notes: Notes, clock: VirtualClock): void {
  const action = script.below(7);
  if (action === 6) {
    clock.advance(script.u8() * 1_000);
    return;
  }
  if (action === 5) {
    store.listPublic(Buffer.from(script.bytes(script.below(8))).toString('latin1'), 1 + script.below(3));
    store.expire();
    return;
  }
  const identity = script.below(3);
  const service = script.pick(['', 'web', 'db']);
  const key = `${identity} ${service}`;
  const bytes = Uint8Array.of(identity);
  if (action === 1 || action === 3) {
    const sequence = script.u8();
    const holder = script.pick(holders);
    const before = notes.inForce(key);
    const renewed = store.renew(bytes, service, holder, sequence);
    assertRule(
      (renewed !== undefined) === (before?.holder === holder && before.sequence === sequence),
      'who holds renews',
    );
    const note = notes.granted.get(key);
    if (renewed !== undefined && note !== undefined) notes.grant(note.record);
    return;
  }
  if (action === 2) {
    const holder = script.pick(holders);
    const before = notes.inForce(key);
    const isReleased = store.release(bytes, service, holder);
    assertRule(isReleased === (before?.holder === holder), 'who holds releases');
    if (isReleased) notes.end(key);
    return;
  }
  claim(script, store, notes, clock, { identity, service });
}

function claim(
  script: Script,
  store: MemoryLeaseStore,
  notes: Notes,
  clock: VirtualClock,
  { identity, service }: { readonly identity: number; readonly service: string },
): void {
  const record: LeaseRecord = {
    id: `id${identity}`,
    identity: Uint8Array.of(identity),
    service,
    instance: new Uint8Array(16),
    sequence: script.u8(),
    name: script.pick(names),
    keycert: new Uint8Array(132),
    alpn: null,
    suites: [2],
    flags: 0,
    metadata: new Uint8Array(script.below(3) * 1_000),
    signed: script.flag() ? { lease: new Uint8Array(700), signature: new Uint8Array(64) } : null,
    ttlMs: (1 + script.u8()) * 1_000,
    holder: script.pick(holders),
  };
  const replaces = script.pick([undefined, ...holders]);
  const key = keyOf(record);
  const before = notes.inForce(key);
  const known = notes.sequences.get(key);
  const owner = record.name === null ? undefined : notes.names.get(record.name);
  const result = store.claim(record, { replaces });
  if (!result.ok) {
    if (result.reason === 'held') assertRule(before !== undefined && before.holder !== replaces, 'held is held');
    if (result.reason === 'stale') assertRule(record.sequence <= result.sequence, 'stale is not above');
    return;
  }
  const isRemembered = known !== undefined && clock.nowMs() < known.untilMs;
  // At most as many numbers as leases are kept of those that ended: this target has fewer keys than that asks for.
  assertRule(!isRemembered || record.sequence > known.sequence || !isKept(key, notes), 'numbers grow');
  assertRule(before === undefined || before.holder === replaces, 'a lease in force is taken only from its holder');
  const isOwned = owner !== undefined && owner.id !== record.id && clock.nowMs() < owner.untilMs;
  assertRule(!isOwned || record.name === null, 'a name stays with its owner for the time of grace');
  notes.grant(record);
}

/** Of ended leases only as many numbers are remembered as leases are allowed. */
function isKept(key: string, notes: Notes): boolean {
  const ended = [...notes.sequences.keys()].filter((known) => notes.inForce(known) === undefined);
  return ended.length <= limits.maxLeases || notes.inForce(key) !== undefined;
}
