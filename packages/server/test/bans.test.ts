import { Credential } from '@sealane/crypto/credential';
import { MessageKind, RelayCode, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import type { NameJournal } from '../src/name-journal.js';
import type { Ban } from '../src/policy/ban.js';
import type { BanStore } from '../src/policy/ban-store.js';
import { DIALER_ADDRESS, linkError, liveRelay, OWNER_ADDRESS } from './live-session.js';
import { createRelayInMemory } from './relay-in-memory.js';
import { listenRelay, openRaw, upgradeRequest } from './relay-on-socket.js';

const HOUR_MS = 3_600_000;

describe('a ban acts at once', () => {
  it('on an owner: its links, leases and sessions end, and it does not come back', async () => {
    const { relay, owner, dialer, open, connect, credential, refusal } = await liveRelay({}, { name: 'shop' });
    const { seen } = await open();
    await relay.bans.add({ kind: 'id', value: credential.id, reason: 'phishing', expiresAtMs: Date.now() + HOUR_MS });
    await owner.until(() => owner.end !== undefined, 'ended');
    expect(linkError(owner)).toMatchObject({
      code: RelayCode.DENIED,
      text: expect.stringMatching(/^this identity is banned until .*Z: phishing$/),
      value: expect.any(Number),
    });
    await dialer.until(() => seen.resetCode !== undefined, 'the session ended');
    expect(relay.statistics()).toMatchObject({ sessions: 0, leases: 0, links: 1 });
    expect(await refusal()).toMatchObject({ code: RelayCode.NO_OWNER });
    const again = await connect({ signer: credential });
    expect(again.isUp).toBe(false);
    expect(linkError(again)).toMatchObject({ code: RelayCode.DENIED });
    expect(await relay.bans.remove('id', credential.id.toUpperCase())).toBe(true);
    expect((await connect({ signer: credential })).isUp).toBe(true);
  });

  it('on a dialer that says who it is: its link and its sessions end', async () => {
    const { relay, dialer, owner, open, dialerCredential } = await liveRelay();
    const { ownerSeen } = await open();
    await relay.bans.add({ kind: 'id', value: dialerCredential.id });
    await dialer.until(() => dialer.end !== undefined, 'ended');
    await owner.until(() => ownerSeen.resetCode !== undefined, 'the session ended');
    expect(linkError(dialer)).toMatchObject({ code: RelayCode.DENIED, text: 'this identity is banned', value: null });
    expect(owner.end).toBeUndefined();
  });

  it('on a name: its lease and its sessions end, and nobody gets it', async () => {
    const { relay, key, owner, open, connect, credential } = await liveRelay({}, { name: 'bank' });
    const { seen } = await open();
    await relay.bans.add({ kind: 'name', value: 'BANK', reason: 'not a bank' });
    await owner.until(() => owner.end !== undefined, 'ended');
    expect(linkError(owner)).toMatchObject({ code: RelayCode.DENIED, text: 'this name is banned: not a bank' });
    await expect.poll(() => seen.resetCode, { timeout: 20_000 }).toBe(ResetCode.GONE);
    for (const signer of [credential, await Credential.create()]) {
      const client = await connect({ signer });
      const request = client.register(key, { name: 'bank', sequence: 2 });
      await client.until(() => client.answerTo(request) !== undefined, 'answered');
      expect(client.answerTo(request)).toMatchObject({ code: RelayCode.DENIED });
      const other = client.register(key, { name: null, sequence: 3 });
      await client.until(() => client.answerTo(other) !== undefined, 'answered');
      expect(client.answerTo(other)).toMatchObject({ kind: MessageKind.REGISTERED });
    }
  });

  it.each([
    ['address', DIALER_ADDRESS],
    ['network', '127.0.0.3/32'],
    ['network', '127.0.0.2/31'],
  ] as const)('on an %s (%s): its links end, and HTTP answers 403 with the reason', async (kind, value) => {
    const { relay, dialer, owner, open, raw, connect } = await liveRelay();
    const { ownerSeen } = await open();
    const early = await raw(DIALER_ADDRESS);
    await expect.poll(() => relay.statistics().sockets, { timeout: 20_000 }).toBe(3);
    await relay.bans.add({ kind, value, reason: 'flood\u2028\u0000 \u00fc', expiresAtMs: Date.now() + HOUR_MS });
    await dialer.until(() => dialer.end !== undefined, 'ended');
    expect(linkError(dialer)).toMatchObject({ code: RelayCode.DENIED, text: expect.stringContaining(': flood') });
    await early.closed;
    const isOwnerBanned = value === '127.0.0.2/31';
    if (isOwnerBanned) await owner.until(() => owner.end !== undefined, 'ended');
    else {
      await owner.until(() => ownerSeen.resetCode !== undefined, 'the session ended');
      expect(owner.end).toBeUndefined();
    }
    const refused = await raw(DIALER_ADDRESS);
    refused.socket.write(upgradeRequest());
    await refused.closed;
    expect(refused.text()).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
    expect(refused.text()).toMatch(/\r\nSealane-Refusal: BANNED this%20/);
    expect(refused.text()).toMatch(/\r\nRetry-After: 3[56]\d\d\r\n/);
    expect(refused.text()).toContain(`BANNED: this ${kind} is banned until `);
    expect((await connect({}, { localAddress: '127.0.0.9' })).isUp).toBe(true);
    await relay.bans.remove(kind, value);
    expect((await connect({}, { localAddress: DIALER_ADDRESS })).isUp).toBe(true);
  });

  it('on the /64 of an IPv6 address, also where this machine is exempt from limits', async () => {
    const { relay, connect, port, raw } = await listenRelay({}, '::1');
    const client = await connect();
    await relay.bans.add({ kind: 'address', value: '::5' });
    await client.until(() => client.end !== undefined, 'ended');
    const refused = await raw();
    await refused.closed;
    expect(refused.text()).toMatch(/^HTTP\/1.1 403 .*BANNED/s);
    await relay.bans.remove('address', '::5');
    await relay.bans.add({ kind: 'network', value: '::5/128' });
    const other = await openRaw('::1', port);
    other.socket.write(upgradeRequest());
    await expect.poll(() => other.text(), { timeout: 20_000 }).toMatch(/^HTTP\/1.1 101 /);
  });

  it('until its time is over', async () => {
    const { relay, dialer, connect } = await liveRelay();
    await relay.bans.add({ kind: 'address', value: DIALER_ADDRESS, expiresAtMs: Date.now() + 1_500 });
    await dialer.until(() => dialer.end !== undefined, 'ended');
    expect(relay.bans.list()).toHaveLength(1);
    const isLetIn = async (): Promise<boolean> => (await connect({}, { localAddress: DIALER_ADDRESS })).isUp;
    await expect.poll(isLetIn, { timeout: 20_000, interval: 300 }).toBe(true);
    expect(relay.bans.list()).toEqual([]);
    await expect.poll(() => relay.bans.size, { timeout: 20_000 }).toBe(0);
  });
});

describe('bans', () => {
  it('hold for a lease that was asked for before them and is confirmed after', async () => {
    let settle = (): void => undefined;
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const names: NameJournal = {
      load: () => [],
      use: () => undefined,
      keep: () => undefined,
      forget: () => undefined,
      together: (work) => work(),
      settled: () => settled,
    };
    const { relay, key, owner, pass } = await createRelayInMemory({ names });
    const { client } = await owner();
    const request = client.register(key, { name: 'bank' });
    await pass();
    await relay.bans.add({ kind: 'name', value: 'bank' });
    expect(client.answerTo(request)).toBeUndefined();
    settle();
    await pass();
    expect(client.answerTo(request)).toMatchObject({ code: RelayCode.DENIED });
    expect(relay.statistics().leases).toBe(0);
  });

  it('are taken from their store before anybody is served, and kept there', async () => {
    const kept = new Map<string, Ban>();
    const banStore: BanStore = {
      load: async () => [...kept.values()],
      put: async (ban) => void kept.set(`${ban.kind} ${ban.value}`, ban),
      remove: async (kind, value) => void kept.delete(`${kind} ${value}`),
    };
    const first = await liveRelay({ banStore });
    await first.relay.bans.add({ kind: 'address', value: OWNER_ADDRESS, reason: 'x' });
    await first.relay.bans.add({ kind: 'network', value: '10.0.0.0/8' });
    await first.relay.bans.remove('network', '10.0.0.0/8');
    expect([...kept.values()]).toMatchObject([{ kind: 'address', value: OWNER_ADDRESS, reason: 'x' }]);
    await first.relay.close();
    const second = await listenRelay({ banStore });
    const refused = await second.raw(OWNER_ADDRESS);
    await refused.closed;
    expect(refused.text()).toMatch(/^HTTP\/1.1 403 .*BANNED: this address is banned: x/s);
  });

  it('hold although their store fails, and the caller is told', async () => {
    const banStore: BanStore = {
      load: () => [],
      put: () => Promise.reject(new Error('the disk is full')),
      remove: () => undefined,
    };
    const { relay, dialer } = await liveRelay({ banStore });
    await expect(relay.bans.add({ kind: 'address', value: DIALER_ADDRESS })).rejects.toThrow('the disk is full');
    await dialer.until(() => dialer.end !== undefined, 'ended');
  });

  it('end links in great numbers, and ask quickly of thousands', async () => {
    const { relay, connect } = await liveRelay();
    for (let i = 0; i < 5_000; i++) {
      await relay.bans.add({ kind: 'network', value: `10.${i >> 8}.${i & 0xff}.0/24` });
    }
    const clients = await Promise.all(Array.from({ length: 15 }, () => connect({}, { localAddress: '127.0.0.20' })));
    await relay.bans.add({ kind: 'address', value: '127.0.0.20' });
    for (const client of clients) await client.until(() => client.end !== undefined, 'ended');
    expect(relay.statistics()).toMatchObject({ links: 2, refusals: { BANNED: 15 } });
  });
});
