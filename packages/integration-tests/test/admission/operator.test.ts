import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RelayClient } from '@sealane/client';
import { hashEnrolmentToken, parseEnrolmentToken } from '@sealane/crypto/admission';
import { afterEach, describe, expect, it } from 'vitest';
import { identities, reaches, refusal, until } from './admission-stage.js';
import { type OperatedRelay, OperatorStage } from './operator-stage.js';

let stage = new OperatorStage();
afterEach(async () => {
  await stage.close();
  stage = new OperatorStage();
});

const actions = ({ control }: OperatedRelay) => control.audit().map(({ actor, action }) => `${actor} ${action}`);

/** A dialer with a live session to the owner, over which bytes went. */
async function live({ url }: OperatedRelay, ownerId: string): Promise<RelayClient> {
  const dialer = await stage.client(url);
  await reaches(dialer, ownerId);
  await dialer.openStream(ownerId);
  return dialer;
}

describe('approvals of an operator', () => {
  it('let a waiting lease in, deny one that is open at once, and are all kept, with who decided', async () => {
    const [owner, other] = await identities(2);
    const relay = await stage.operated({ 'admission.require': ['approval'] });
    const { control, server, url } = relay;
    const waiting = stage.owner(url, owner!, {}, { name: 'blue' });
    await until(() => control.approvals('pending').length === 1);
    expect(control.approvals('pending')).toMatchObject([{ identity: owner!.id, service: '', name: 'blue' }]);
    await expect((await stage.client(url)).dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_NO_OWNER'));
    await control.approve({ identity: owner!.id.toUpperCase() }, 'ann');
    const { listener } = await waiting;
    await live(relay, owner!.id);
    await control.deny({ identity: owner!.id }, 'spam', 'bob');
    await expect(listener.closed).rejects.toThrow(refusal('ERR_RELAY_DENIED', /operator .* denied this: spam/));
    await until(() => server.statistics().sessions === 0 && server.statistics().leases === 0);
    // One that waits is told too, and nothing of it stays.
    const refused = stage.owner(url, other!);
    refused.catch(() => undefined);
    await until(() => server.statistics().pendingLeases === 1);
    await control.deny({ identity: other!.id, service: '' }, '', 'bob');
    await expect(refused).rejects.toThrow(refusal('ERR_RELAY_DENIED'));
    expect(control.approvals().map(({ state, decidedBy }) => [state, decidedBy])).toEqual([
      ['denied', 'bob'],
      ['denied', 'bob'],
    ]);
    expect(actions(relay)).toEqual(['bob deny', 'bob deny', 'ann approve']);
    // Taken back, it waits again.
    expect(await control.withdraw({ identity: owner!.id }, 'ann')).toBe(true);
    const again = stage.owner(url, owner!);
    await until(() => server.statistics().pendingLeases === 1);
    await control.approve({ identity: owner!.id, service: '' }, 'ann');
    await again;
    await live(relay, owner!.id);
  });

  it('are there after a restart, those of a file beside them, and a denial goes before the file', async () => {
    const [kept, listed, denied] = await identities(3);
    const before = await stage.operated();
    await before.control.approve({ identity: kept!.id }, 'ann');
    await before.control.deny({ identity: denied!.id }, '', 'ann');
    await before.server.close();
    await before.database.close();
    const file = join(before.directory, 'approved');
    await writeFile(file, `${listed!.id}\n${denied!.id}\n`);
    const settings = { 'admission.require': ['approval'], 'admission.approvedFile': file };
    const after = await stage.operated(settings, before.directory);
    for (const each of [kept!, listed!]) {
      await stage.owner(after.url, each);
      await live(after, each.id);
    }
    await expect(stage.owner(after.url, denied!)).rejects.toThrow(refusal('ERR_RELAY_DENIED'));
  });

  it('of what nobody is called are refused', async () => {
    const [owner] = await identities(1);
    const { control } = await stage.operated();
    await expect(control.approve({ identity: 'nobody' }, 'ann')).rejects.toThrow(refusal('ERR_ID_INVALID'));
    await expect(control.approve({ identity: owner!.id, service: '*' }, 'ann')).rejects.toThrow(
      refusal('ERR_ARGUMENT'),
    );
    await expect(control.deny({ identity: owner!.id }, 'x'.repeat(201), 'ann')).rejects.toThrow(
      refusal('ERR_ARGUMENT'),
    );
    expect(await control.withdraw({ identity: owner!.id }, 'ann')).toBe(false);
    expect(control.approvals()).toEqual([]);
  });
});

it('enrolment tokens of an operator enrol as often as they say, and end what they let in when they are revoked', async () => {
  const [owner, second] = await identities(2);
  const relay = await stage.operated({ 'admission.require': ['token'] });
  const { control, server, url } = relay;
  const issued = await control.createEnrolmentToken({ uses: 1, expiresAtMs: Date.now() + 60_000, note: 'lab' }, 'ann');
  const token = parseEnrolmentToken(issued.token).bytes;
  const { listener } = await stage.owner(url, owner!, { token });
  await live(relay, owner!.id);
  expect(control.enrolmentTokens()).toMatchObject([{ id: issued.id, note: 'lab', identities: [owner!.id] }]);
  await expect(stage.owner(url, second!, { token })).rejects.toThrow(refusal('ERR_RELAY_TOKEN', /enrols nobody more/));
  // At rest there is its hash alone.
  const files = await Promise.all(['relay.db', 'relay.db-wal'].map((name) => readFile(join(relay.directory, name))));
  const atRest = Buffer.concat(files);
  expect(atRest.includes(Buffer.from(hashEnrolmentToken(parseEnrolmentToken(issued.token))))).toBe(true);
  expect([atRest.includes(Buffer.from(token.slice(8))), atRest.includes(issued.token.slice(-40))]).toEqual([
    false,
    false,
  ]);
  expect(await control.revokeEnrolmentToken(issued.id, 'bob')).toBe(true);
  await expect(listener.closed).rejects.toThrow(refusal('ERR_RELAY_TOKEN'));
  await until(() => server.statistics().sessions === 0 && server.statistics().leases === 0);
  expect(await control.revokeEnrolmentToken(issued.id, 'bob')).toBe(false);
  expect(actions(relay)).toEqual(['bob enrolment.revoke', 'ann enrolment.new']);
  for (const terms of [{ uses: 0 }, { uses: 1.5 }, { expiresAtMs: Date.now() - 1 }, { note: 'x'.repeat(201) }]) {
    const wrong = { uses: 1, expiresAtMs: null, note: '', ...terms };
    await expect(control.createEnrolmentToken(wrong, 'ann')).rejects.toThrow(refusal('ERR_ARGUMENT'));
  }
});

it('bans of an operator end what is open at once, and are kept with who banned', async () => {
  const [owner] = await identities(1);
  const relay = await stage.operated();
  const { control, server, url } = relay;
  const { client, told } = await stage.owner(url, owner!);
  await live(relay, owner!.id);
  await control.ban({ kind: 'id', value: owner!.id, reason: 'spam' }, 'ann');
  await until(() => server.statistics().sessions === 0 && server.statistics().leases === 0);
  await until(() => told.some((event) => 'error' in event && /spam/.test(String(event.error?.message))));
  await client.close({ deadlineMs: 0 });
  expect(relay.database.bans.list(0)).toMatchObject([{ value: owner!.id, createdBy: 'ann' }]);
  expect([
    await control.unban('id', owner!.id, 'bob'),
    await control.unban('id', owner!.id, 'bob'),
    control.bans(),
  ]).toEqual([true, false, []]);
  await stage.owner(url, owner!);
  expect(actions(relay)).toEqual(['bob unban', 'ann ban']);
});

describe('settings of admission that change while the relay runs', () => {
  it('act at once on who is not admitted any more, and nobody else notices', async () => {
    const [friend, stranger] = await identities(2);
    const relay = await stage.operated();
    const { control, server, url, directory } = relay;
    const friendly = await stage.owner(url, friend!);
    const strange = await stage.owner(url, stranger!);
    const dialer = await live(relay, friend!.id);
    await live(relay, stranger!.id);
    await writeFile(join(directory, 'ids'), `${friend!.id}\n`);
    await control.setSetting('admission.allowFile', join(directory, 'none'), 'ann').catch(() => undefined);
    expect(control.settings().find(({ setting }) => setting.path === 'admission.allowFile')?.value).toBeUndefined();
    await control.approve({ identity: friend!.id }, 'ann');
    await control.setSetting('admission.require', ['approval'], 'ann');
    await until(() => server.statistics().sessions === 1 && server.statistics().leases === 1);
    await until(() => server.statistics().pendingLeases === 1);
    expect([friendly.listener.isClosed, strange.listener.isClosed]).toEqual([false, false]);
    await reaches(dialer, friend!.id);
    await control.unsetSetting('admission.require', 'ann');
    await until(() => server.statistics().leases === 2);
    await live(relay, stranger!.id);
    expect(actions(relay)).toEqual(['ann settings.unset', 'ann settings.set', 'ann approve']);
  });

  it('close a relay that was started open', async () => {
    const [owner] = await identities(1);
    const relay = await stage.operated({ open: true });
    await stage.owner(relay.url, owner!);
    await live(relay, owner!.id);
    await relay.control.setSetting('admission.require', ['token'], 'ann');
    await until(() => relay.server.statistics().sessions === 0 && relay.server.statistics().leases === 0);
    await expect(stage.owner(relay.url, owner!)).rejects.toThrow(refusal('ERR_RELAY_TOKEN'));
  });

  it('refuse all of a change whose file cannot be read, and hold over a restart', async () => {
    const [owner, other] = await identities(2);
    const relay = await stage.operated();
    const { control, directory } = relay;
    await expect(control.setSetting('admission.require', ['allowlist'], 'ann')).rejects.toThrow(
      refusal('ERR_CONFIG', /needs admission.allowFile/),
    );
    expect(relay.database.settings.all().size).toBe(0);
    await expect(control.setSetting('admission.require', ['friends'], 'ann')).rejects.toThrow(refusal('ERR_CONFIG'));
    await control.setSetting('admission.require', ['approval'], 'ann');
    await control.approve({ identity: owner!.id }, 'ann');
    await relay.server.close();
    await relay.database.close();
    const after = await stage.operated({}, directory);
    await stage.owner(after.url, owner!);
    await live(after, owner!.id);
    const waiting = stage.owner(after.url, other!);
    waiting.catch(() => undefined);
    await until(() => after.server.statistics().pendingLeases === 1);
  });

  it('that end anonymous dialing end what anonymous dialers have open', async () => {
    const [owner, friend] = await identities(2);
    const relay = await stage.operated({ 'admission.require': ['approval'] });
    const { control, server, url } = relay;
    for (const { id } of [owner!, friend!]) await control.approve({ identity: id }, 'ann');
    await stage.owner(url, owner!);
    await live(relay, owner!.id);
    const known = await stage.client(url, { credential: friend!, identify: true });
    await reaches(known, owner!.id);
    await until(() => server.statistics().sessions === 2);
    await control.setSetting('admission.anonymousDialers', false, 'ann');
    await until(() => server.statistics().sessions === 1);
    await reaches(known, owner!.id);
    const stranger = await stage.client(url);
    await expect(stranger.dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_DENIED'));
    await control.deny({ identity: friend!.id }, '', 'ann');
    await until(() => server.statistics().sessions === 0);
  });
});
