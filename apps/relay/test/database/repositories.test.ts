import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RelayDatabase } from '../../src/database/relay-database.js';
import { drivers } from './drivers.js';

describe.each(drivers)('the database with %s', (driver) => {
  let directory: string;
  let database: RelayDatabase;
  let clock: VirtualClock;
  const open = () => RelayDatabase.open(directory, { driver, clock });
  const reopen = async () => {
    await database.close();
    database = await open();
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealane-database-'));
    clock = new VirtualClock();
    database = await open();
  });
  afterEach(async () => {
    await database.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('is made for its owner alone, with its log', async () => {
    database.names.set({ name: 'a', owner: 'x', keptUntil: null });
    expect(database.driverName).toBe(driver);
    for (const file of [database.file, `${database.file}-wal`]) expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('keeps names and whose they are', async () => {
    database.names.set({ name: 'b', owner: 'x', keptUntil: null });
    database.names.set({ name: 'a', owner: 'x', keptUntil: 5 });
    database.names.set({ name: 'b', owner: 'y', keptUntil: 1_764_190_000_000 });
    await reopen();
    expect(database.names.all()).toEqual([
      { name: 'a', owner: 'x', keptUntil: 5 },
      { name: 'b', owner: 'y', keptUntil: 1_764_190_000_000 },
    ]);
    expect([database.names.remove('a'), database.names.remove('a')]).toEqual([true, false]);
  });

  it('keeps bans until they run out; one of the same thing replaces it', async () => {
    const ban = { kind: 'id', value: 'x', reason: 'spam', createdAt: 1, createdBy: 'admin', expiresAt: null } as const;
    const first = database.bans.add(ban);
    database.bans.add({ ...ban, kind: 'network', value: '192.0.2.0/24', expiresAt: 100 });
    const again = database.bans.add({ ...ban, reason: 'worse', expiresAt: 50 });
    expect(again.id).toBe(first.id);
    await reopen();
    expect(database.bans.list(10).map(({ value, reason }) => [value, reason])).toEqual([
      ['x', 'worse'],
      ['192.0.2.0/24', 'spam'],
    ]);
    expect(database.bans.list(50).map(({ value }) => value)).toEqual(['192.0.2.0/24']);
    expect([database.bans.prune(50), database.bans.prune(50)]).toEqual([[{ kind: 'id', value: 'x' }], []]);
    expect(database.bans.remove('network', '192.0.2.0/24')).toEqual({ expiresAt: 100 });
    expect(database.bans.remove('network', '192.0.2.0/24')).toBeUndefined();
    expect(() => database.bans.add({ ...ban, kind: 'planet' as 'id' })).toThrow(
      expect.objectContaining({ code: 'ERR_DATABASE' }),
    );
  });

  it('keeps who waits for an approval, and decisions over later requests', async () => {
    const request = { identity: 'x', service: '', name: 'blue', requestedAt: 1 };
    expect(database.approvals.request(request)).toMatchObject({ state: 'pending', decidedAt: null });
    database.approvals.request({ ...request, service: 'web' });
    const decision = { identity: 'x', service: '', decidedAt: 2, decidedBy: 'admin', reason: null } as const;
    database.approvals.decide({ ...decision, state: 'approved' });
    await reopen();
    expect(database.approvals.request({ ...request, name: 'red', requestedAt: 3 })).toEqual({
      ...request,
      state: 'approved',
      decidedAt: 2,
      decidedBy: 'admin',
      reason: null,
    });
    expect(database.approvals.list('pending').map(({ service }) => service)).toEqual(['web']);
    expect(database.approvals.list()).toHaveLength(2);
    database.approvals.decide({ ...decision, identity: 'nobody yet', state: 'denied', reason: 'no' });
    expect(database.approvals.find('nobody yet', '')).toMatchObject({ state: 'denied', reason: 'no' });
    database.approvals.decide({ ...decision, service: '*', state: 'denied' });
    expect(database.approvals.list('approved')).toEqual([]);
    expect(database.approvals.find('x', '*')).toMatchObject({ state: 'denied' });
    database.approvals.decide({ ...decision, state: 'approved' });
    expect(database.approvals.list('approved').map(({ service }) => service)).toEqual(['']);
    database.approvals.request({ ...request, service: 'web' });
    expect(database.approvals.prunePending(2)).toEqual([{ identity: 'x', service: 'web' }]);
    expect([database.approvals.remove('x', ''), database.approvals.find('x', '')]).toEqual([true, undefined]);
  });

  it('counts the uses of an enrolment token once for each identity', async () => {
    const hash = new Uint8Array(32).fill(7);
    const token = { id: 't', hash, label: 'for friends', maxUses: 2, createdAt: 0, createdBy: 'admin', expiresAt: 100 };
    database.enrolments.addToken(token);
    const redeem = (identity: string, nowMs: number) => {
      const result = database.enrolments.redeem('t', hash, identity, nowMs);
      return result.ok ? result.isNew : result.reason;
    };
    expect([redeem('a', 1), redeem('a', 2), redeem('b', 3), redeem('c', 4)]).toEqual([true, false, true, 'used-up']);
    await reopen();
    expect(redeem('a', 5)).toBe(false);
    expect([redeem('a', 200), redeem('d', 200)]).toEqual([false, 'expired']);
    expect(database.enrolments.tokens()).toEqual([{ ...token, hash: undefined, uses: 2, revokedAt: null }]);
    // Another token uses nothing up for who is in, and does not take it over.
    database.enrolments.addToken({ ...token, id: 'u', hash: new Uint8Array(32).fill(8) });
    expect(database.enrolments.redeem('u', new Uint8Array(32).fill(8), 'a', 6)).toMatchObject({ isNew: false });
    expect([database.enrolments.revokeToken('t', 9), database.enrolments.revokeToken('t', 9)]).toEqual([
      ['a', 'b'],
      undefined,
    ]);
    expect(redeem('a', 10)).toBe('revoked');
    for (const [id, wrong] of [
      ['u', hash],
      ['u', new Uint8Array(31)],
      ['v', hash],
    ] as const) {
      expect(database.enrolments.redeem(id, wrong, 'a', 1)).toEqual({ ok: false, reason: 'unknown' });
    }
    expect(database.enrolments.all()).toEqual([]);
    expect([database.enrolments.restore('t', 'a', 1), database.enrolments.restore('u', 'a', 1)]).toEqual([false, true]);
    expect([database.enrolments.restore('u', 'a', 1), database.enrolments.find('a')?.token]).toEqual([false, 'u']);
  });

  it('keeps tokens of the admin API by their hash', async () => {
    const token = { id: 'a', role: 'operate', label: '', createdAt: 1, createdBy: 'start', expiresAt: 100 } as const;
    const hash = new Uint8Array(32).fill(9);
    database.accessTokens.add({ ...token, hash });
    await reopen();
    const [usable] = database.accessTokens.usable(50);
    expect([usable?.id, Buffer.from(usable?.hash ?? []).equals(hash)]).toEqual(['a', true]);
    expect(database.accessTokens.usable(100)).toEqual([]);
    database.accessTokens.noteUse('a', 40);
    await reopen();
    expect([database.accessTokens.takeExpired(99), database.accessTokens.takeExpired(100)]).toEqual([[], ['a']]);
    expect(database.accessTokens.takeExpired(200)).toEqual([]);
    expect(database.accessTokens.revoke('a', 60)).toBe(true);
    expect(database.accessTokens.usable(50)).toEqual([]);
    expect(database.accessTokens.list()).toEqual([{ ...token, revokedAt: 60, lastUsedAt: 40 }]);
  });

  it('lets a ticket be used as often as it says, also over a restart, and forgets it when nobody takes it', async () => {
    expect([1, 2, 3].map(() => database.tickets.use('o', 't', 2, 100))).toEqual([true, true, false]);
    await reopen();
    expect([database.tickets.use('o', 't', 2, 100), database.tickets.usesOf('o', 't')]).toEqual([false, 2]);
    database.tickets.use('o', 'u', 1, 200);
    database.tickets.use('p', 't', 2, 50);
    expect(database.tickets.giveBack('o', 't')).toBe(1);
    expect([...database.tickets.countByOwner()]).toEqual([
      ['o', 2],
      ['p', 1],
    ]);
    expect(database.tickets.expire(100, 1)).toEqual(['p']);
    expect(database.tickets.expire(100, 5)).toEqual(['o']);
    expect([database.tickets.giveBack('o', 'u'), database.tickets.countByOwner().size]).toEqual([0, 0]);
  });

  it('keeps settings of the run time', async () => {
    database.settings.set('limits.maxSockets', 5, 'test');
    database.settings.set('authorities', ['a:1'], 'test');
    await reopen();
    expect([...database.settings.all()]).toEqual([
      ['authorities', ['a:1']],
      ['limits.maxSockets', 5],
    ]);
    expect([database.settings.unset('authorities'), database.settings.unset('authorities')]).toEqual([true, false]);
  });

  it('writes audit entries together, keeps the newest, and counts what came too fast', async () => {
    for (let i = 0; i < 300; i++) database.audit.record({ actor: 'a', action: 'ban', subject: `${i}` });
    expect(database.audit.list({ limit: 2 }).map(({ subject }) => subject)).toEqual(['299', '298']);
    database.audit.record({ actor: 'a', action: 'x'.repeat(1_000), subject: '', details: { big: 'y'.repeat(10_000) } });
    clock.advance(100);
    await reopen();
    const [newest] = database.audit.list();
    expect([newest?.action.length, newest?.details, newest?.at]).toEqual([256, { cut: true }, clock.wallMs() - 100]);
    database.audit.maxEntries = 100;
    for (let i = 0; i < 10_500; i++) database.audit.record({ actor: 'a', action: 'b', subject: `${i}` });
    await database.audit.flush();
    const entries = database.audit.list({ limit: 1_000 });
    expect(entries).toHaveLength(100);
    expect(entries[0]).toMatchObject({ action: 'audit.dropped', details: { count: 500 } });
    expect(database.audit.list({ before: entries[98]?.id ?? 0 })).toHaveLength(1);
  });

  it('forgets what has run out and nothing else, and writes it into the audit log', () => {
    const nowMs = clock.wallMs();
    const token = { maxUses: null, label: '', createdAt: 0, createdBy: '' };
    const hashes = [1, 2].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array];
    database.enrolments.addToken({ ...token, id: 'spent', hash: hashes[0], expiresAt: nowMs - 1 });
    database.enrolments.addToken({ ...token, id: 'good', hash: hashes[1], expiresAt: nowMs + 1 });
    for (const [identity, days] of [
      ['one time', 40],
      ['stays', 40],
      ['new', 20],
    ] as const) {
      database.enrolments.redeem('good', hashes[1], identity, nowMs - days * 86_400_000);
    }
    database.enrolments.keep('stays');
    const access = { role: 'read', label: '', createdAt: 0, createdBy: '', hash: hashes[0] } as const;
    database.accessTokens.add({ ...access, id: 'short', expiresAt: nowMs });
    const ban = { kind: 'id', reason: '', createdAt: 0, createdBy: '' } as const;
    database.bans.add({ ...ban, value: 'over', expiresAt: nowMs - 1 });
    database.bans.add({ ...ban, value: 'not yet', expiresAt: nowMs + 1 });
    database.bans.add({ ...ban, value: 'never', expiresAt: null });
    const request = { service: '', name: null };
    database.approvals.request({ ...request, identity: 'long ago', requestedAt: nowMs - 31 * 86_400_000 });
    database.approvals.request({ ...request, identity: 'of late', requestedAt: nowMs - 86_400_000 });
    expect(database.prune()).toEqual([]);
    expect(database.prune(30 * 86_400_000)).toEqual(['one time']);
    expect(database.enrolments.all().map(({ identity }) => identity)).toEqual(['stays', 'new']);
    const told = database.audit.list().map(({ actor, action, subject }) => `${actor} ${action} ${subject}`);
    expect(told.sort()).toEqual([
      'relay access-token.expire short',
      'relay approval.expire long ago/',
      'relay ban.expire id over',
      'relay enrolment.expire spent',
      'relay identity.forget one time',
    ]);
    expect(database.bans.list(0).map(({ value }) => value)).toEqual(['not yet', 'never']);
    expect(database.approvals.list().map(({ identity }) => identity)).toEqual(['of late']);
  });

  it('takes back what a transaction wrote when it fails, also one inside of it', () => {
    const set = (name: string) => database.names.set({ name, owner: 'x', keptUntil: null });
    expect(() =>
      database.transaction(() => {
        set('a');
        database.transaction(() => set('b'));
        throw new Error('no');
      }),
    ).toThrow('no');
    database.transaction(() => set('c'));
    expect(database.names.all().map(({ name }) => name)).toEqual(['c']);
  });

  it('resolves what is durable for everybody who asked, in order, and after it is closed no more', async () => {
    const order: number[] = [];
    const waiting = Array.from({ length: 50 }, (_, i) => {
      database.names.set({ name: `n${i}`, owner: 'x', keptUntil: null });
      return database.durable().then(() => order.push(i));
    });
    await Promise.all(waiting);
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});
