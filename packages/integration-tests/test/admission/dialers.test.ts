import { MemoryKeycertStore, type PublicLease, type RelayClient } from '@sealane/client';
import {
  Allowlist,
  approval,
  createAdmissionPolicy,
  MemoryApprovalStore,
  MemoryTokenStore,
  open,
  tokens,
} from '@sealane/server/policy';
import { afterEach, expect, it } from 'vitest';
import { AdmissionStage, addToken, identities, reaches, refusal, until } from './admission-stage.js';

async function listed(client: RelayClient): Promise<readonly PublicLease[]> {
  const leases: PublicLease[] = [];
  for await (const lease of client.listPublic()) leases.push(lease);
  return leases;
}

let stage = new AdmissionStage();
afterEach(async () => {
  await stage.close();
  stage = new AdmissionStage();
});

it('anonymous dialers look up, list and dial nothing where they are not allowed; known ones do', async () => {
  const [owner, friend] = await identities(2);
  const list = new Allowlist([owner!.id, friend!.id]);
  const { url } = await stage.admitting({ require: [list], anonymousDialers: false });
  await stage.owner(url, owner!, {}, { name: 'box', public: true });
  const anonymous = await stage.client(url);
  const denied = refusal('ERR_RELAY_DENIED');
  await expect(anonymous.lookup('box')).rejects.toThrow(denied);
  await expect(anonymous.dial(owner!.id)).rejects.toThrow(denied);
  await expect(listed(anonymous)).rejects.toThrow(denied);
  const known = await stage.client(url, { credential: friend!, identify: true });
  expect((await known.lookup('box')).id).toBe(owner!.id);
  await reaches(known, owner!.id);
  expect(await listed(known)).toHaveLength(1);
});

it('a CONNECT that needs no look-up is refused as well', async () => {
  const [owner, friend] = await identities(2);
  const list = new Allowlist([owner!.id, friend!.id]);
  const { url } = await stage.admitting({ require: [list], anonymousDialers: false });
  await stage.owner(url, owner!);
  const knownKeycerts = new MemoryKeycertStore();
  await reaches(await stage.client(url, { credential: friend!, identify: true, knownKeycerts }), owner!.id);
  const anonymous = await stage.client(url, { knownKeycerts });
  await expect(anonymous.dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_DENIED'));
});

it('a dialer that is struck off loses its live sessions and cannot resume them', async () => {
  const [owner, friend] = await identities(2);
  const list = new Allowlist([owner!.id, friend!.id]);
  const { server, url } = await stage.admitting({ require: [list], anonymousDialers: false });
  await stage.owner(url, owner!);
  const dialer = await stage.client(url, { credential: friend!, identify: true });
  await reaches(dialer, owner!.id);
  const stream = await dialer.openStream(owner!.id);
  expect(server.statistics().sessions).toBe(1);
  list.replace([owner!.id]);
  await until(() => server.statistics().sessions === 0);
  const before = server.statistics().refusals['DENIED'] ?? 0;
  // Its client comes back by itself and asks to resume.
  await until(() => (server.statistics().refusals['DENIED'] ?? 0) > before);
  expect(stream.connection.isSuspended).toBe(true);
  expect(server.statistics()).toMatchObject({ sessions: 0, leases: 1 });
  list.replace([owner!.id, friend!.id]);
  await until(() => !stream.connection.isSuspended);
});

it('a token admits a dialer that shows who it is', async () => {
  const [owner, friend] = await identities(2);
  const store = new MemoryTokenStore();
  const token = await addToken(store);
  const { url } = await stage.admitting({ require: [tokens(store)], anonymousDialers: false });
  await stage.owner(url, owner!, { token: token.bytes });
  const without = await stage.client(url, { credential: friend!, identify: true });
  await expect(without.dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_TOKEN'));
  const unidentified = await stage.client(url, { credential: friend!, token: token.bytes });
  await expect(unidentified.dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_TOKEN'));
  const dialer = await stage.client(url, { credential: friend!, identify: true, token: token.bytes });
  await reaches(dialer, owner!.id);
});

it('a dialer that an operator has to approve is refused until then, and the operator hears of it', async () => {
  const [owner, friend] = await identities(2);
  const store = new MemoryApprovalStore();
  store.approve(owner!.id);
  const { url } = await stage.admitting({ require: [approval(store)], anonymousDialers: false });
  await stage.owner(url, owner!);
  const dialer = await stage.client(url, { credential: friend!, identify: true });
  await expect(dialer.dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_DENIED', /approve/));
  expect(stage.events).toContainEqual(expect.objectContaining({ type: 'pending', use: 'dial', id: friend!.id }));
  store.approve(friend!.id);
  await reaches(dialer, owner!.id);
});

it('dialers that must be known where anybody is are a mistake', () => {
  for (const require of [[], [open()], [[open(), new Allowlist()]]]) {
    expect(() => createAdmissionPolicy({ require, anonymousDialers: false })).toThrow(refusal('ERR_ARGUMENT'));
  }
  expect(() => createAdmissionPolicy({ require: [[]] })).toThrow(refusal('ERR_ARGUMENT'));
});
