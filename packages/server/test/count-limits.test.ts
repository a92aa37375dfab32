import { Credential } from '@sealane/crypto/credential';
import { MessageKind, RelayCode, ResetCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { DIALER_ADDRESS, linkError, liveRelay, OWNER_ADDRESS } from './live-session.js';
import { upgradeRequest } from './relay-on-socket.js';
import type { ScriptedClient } from './scripted-client.js';

async function answer(client: ScriptedClient, request: number) {
  await client.until(() => client.answerTo(request) !== undefined, 'answered');
  return client.answerTo(request);
}

const lookup = (client: ScriptedClient, name: string): number => {
  const request = client.nextRequest();
  client.send({ kind: MessageKind.LOOKUP, request, name, id: null, service: '' });
  return request;
};

describe('sessions', () => {
  it.each(['sessionsPerAddress', 'sessionsPerIdentity', 'sessionsPerLease'] as const)(
    '%s ends the newest that are open, and refuses more with LIMIT',
    async (name) => {
      const { relay, dialer, open, refusal } = await liveRelay();
      const sessions = [await open(), await open(), await open()];
      relay.setLimits({ [name]: 2 });
      await expect.poll(() => sessions[2]?.seen.resetCode, { timeout: 20_000 }).toBe(ResetCode.BUSY);
      expect(relay.statistics()).toMatchObject({ sessions: 2, refusals: { LIMIT: 1 } });
      expect(await refusal()).toEqual({ code: RelayCode.LIMIT, text: 'too many sessions' });
      sessions[0]?.stream.write(new Uint8Array(1_000));
      dialer.flush();
      await expect.poll(() => sessions[0]?.ownerSeen.bytes, { timeout: 20_000 }).toBe(1_000);
      sessions[0]?.stream.reset(ResetCode.CANCELLED);
      dialer.flush();
      await expect.poll(() => relay.statistics().sessions, { timeout: 20_000 }).toBe(1);
      await open();
    },
  );
});

describe('links and sockets', () => {
  it('linksPerIdentity ends the newest links, with the reason', async () => {
    const { relay, owner, connect, credential } = await liveRelay();
    const second = await connect({ signer: credential });
    relay.setLimits({ linksPerIdentity: 1 });
    await second.until(() => second.end !== undefined, 'ended');
    expect(linkError(second)).toMatchObject({ code: RelayCode.LIMIT, text: 'this identity has too many links' });
    expect(owner.end).toBeUndefined();
    const third = await connect({ signer: credential });
    expect(linkError(third)).toMatchObject({ code: RelayCode.LIMIT });
  });

  it('socketsPerAddress ends the newest links of the address, and answers others with 429', async () => {
    const { relay, connect, raw, dialer } = await liveRelay();
    const others = [
      await connect({}, { localAddress: DIALER_ADDRESS }),
      await connect({}, { localAddress: DIALER_ADDRESS }),
    ];
    relay.setLimits({ socketsPerAddress: 1 });
    for (const other of others) {
      await other.until(() => other.end !== undefined, 'ended');
      expect(linkError(other)).toMatchObject({ code: RelayCode.LIMIT, text: 'too many links of this address' });
    }
    expect(dialer.end).toBeUndefined();
    expect(relay.statistics()).toMatchObject({ links: 2, refusals: { SOCKETS_PER_ADDRESS: 2 } });
    const refused = await raw(DIALER_ADDRESS);
    await refused.closed;
    expect(refused.text()).toMatch(/^HTTP\/1.1 429 .*\r\nRetry-After: 1\r\n.*SOCKETS_PER_ADDRESS: /s);
  });

  it('maxSockets ends the newest', async () => {
    const { relay, owner, dialer } = await liveRelay();
    relay.setLimits({ maxSockets: 1 });
    await dialer.until(() => dialer.end !== undefined, 'ended');
    expect(linkError(dialer)).toMatchObject({ code: RelayCode.BUSY });
    expect(owner.end).toBeUndefined();
  });

  it('newSocketsPerAddressPerSecond holds from now on, for this address alone', async () => {
    const { relay, raw, connect } = await liveRelay();
    relay.setLimits({ newSocketsPerAddressPerSecond: 0.01 });
    await raw(DIALER_ADDRESS).catch(() => undefined);
    const refused = await raw(DIALER_ADDRESS);
    await refused.closed;
    expect(refused.text()).toMatch(/^HTTP\/1.1 429 .*NEW_SOCKETS_PER_ADDRESS: /s);
    expect(Number(/Retry-After: (\d+)/.exec(refused.text())?.[1])).toBeGreaterThan(10);
    expect((await connect({}, { localAddress: '127.0.0.9' })).isUp).toBe(true);
  });

  it('are counted for an address that is limited, whatever comes from others meanwhile', async () => {
    const { relay, raw, dialer } = await liveRelay({ limits: { maxTracked: 20, newSocketsPerAddressPerSecond: 2 } });
    const refusedOf = async (address: string): Promise<boolean> => {
      const socket = await raw(address);
      socket.socket.write(upgradeRequest());
      await expect.poll(() => socket.text(), { timeout: 20_000 }).toMatch(/^HTTP\/1.1 (101|429) /);
      return socket.text().startsWith('HTTP/1.1 429 ');
    };
    relay.setLimits({ newSocketsPerAddressPerSecond: 0.02 });
    while (!(await refusedOf('127.0.0.99')));
    for (let i = 1; i <= 200; i++) await refusedOf(`127.0.1.${i}`);
    expect(await refusedOf('127.0.0.99')).toBe(true);
    expect(dialer.end).toBeUndefined();
  });

  it('newLinksPerIdentityPerSecond tells how long to wait', async () => {
    const { relay, connect, credential } = await liveRelay();
    relay.setLimits({ newLinksPerIdentityPerSecond: 0.01 });
    await connect({ signer: credential });
    const refused = await connect({ signer: credential });
    expect(linkError(refused)).toMatchObject({ code: RelayCode.BUSY, value: expect.any(Number) });
    expect((await connect()).isUp).toBe(true);
  });
});

describe('leases', () => {
  it.each(['leasesPerAddress', 'leasesPerIdentity'] as const)(
    '%s ends the leases that are too many, with the reason',
    async (name) => {
      const { relay, key, owner, connect, credential } = await liveRelay();
      const second = await connect({ signer: credential }, { localAddress: OWNER_ADDRESS });
      const request = second.register(key, { service: 'second' });
      expect(await answer(second, request)).toMatchObject({ kind: MessageKind.REGISTERED });
      relay.setLimits({ [name]: 1 });
      await second.until(() => second.end !== undefined, 'ended');
      expect(linkError(second)).toMatchObject({ code: RelayCode.LIMIT });
      await expect.poll(() => relay.statistics().leases, { timeout: 20_000 }).toBe(1);
      const again = owner.register(key, { service: 'third' });
      expect(await answer(owner, again)).toMatchObject({ kind: MessageKind.ERROR, code: RelayCode.LIMIT });
      const same = owner.register(key, { sequence: 2 });
      expect(await answer(owner, same)).toMatchObject({ kind: MessageKind.REGISTERED });
    },
  );

  it('end when their metadata is larger than is allowed now', async () => {
    const { relay, key, owner } = await liveRelay();
    const request = owner.register(key, { service: 'big', metadata: new Uint8Array(100) });
    expect(await answer(owner, request)).toMatchObject({ kind: MessageKind.REGISTERED });
    relay.setLimits({ maxMetadataBytes: 99 });
    await owner.until(() => owner.end !== undefined, 'ended');
    expect(linkError(owner)).toMatchObject({ code: RelayCode.LEASE_INVALID, text: expect.stringContaining('99') });
    expect(relay.statistics().leases).toBe(1);
  });

  it('are granted the longest time that holds now when they are renewed', async () => {
    const { relay, key, owner } = await liveRelay();
    relay.setLimits({ leaseTtlMaxMs: 30_000 });
    const request = owner.nextRequest();
    owner.send({ kind: MessageKind.RENEW, request, service: '', sequence: 1 });
    expect(await answer(owner, request)).toMatchObject({ kind: MessageKind.ERROR, code: RelayCode.NO_LEASE });
    const again = owner.register(key, { sequence: 2 });
    expect(await answer(owner, again)).toMatchObject({ kind: MessageKind.REGISTERED, ttlMs: 30_000 });
  });
});

describe('names', () => {
  it('that are reserved from now on end the lease of who has one', async () => {
    const { relay, key, owner, connect, credential, open } = await liveRelay({}, { name: 'admin-1' });
    const { seen } = await open();
    relay.setReservedNames([{ name: 'admin*' }]);
    await owner.until(() => owner.end !== undefined, 'ended');
    expect(linkError(owner)).toMatchObject({ code: RelayCode.NAME_TAKEN, text: 'the name is reserved' });
    await expect.poll(() => seen.resetCode, { timeout: 20_000 }).toBe(ResetCode.GONE);
    const again = await connect({ signer: credential });
    const request = again.register(key, { name: 'admin-1', sequence: 2 });
    expect(await answer(again, request)).toMatchObject({ code: RelayCode.NAME_TAKEN });
    relay.setReservedNames([{ name: 'admin*' }, { name: 'admin-1', id: credential.id }]);
    const allowed = again.register(key, { name: 'admin-1', sequence: 3 });
    expect(await answer(again, allowed)).toMatchObject({ kind: MessageKind.REGISTERED });
  });

  it.each([
    ['nameMaxLength', 4, 'a name has 1 to 4 characters here'],
    ['nameMinLength', 6, 'a name has 6 to 40 characters here'],
  ] as const)('%s ends the lease of a name that is not allowed now', async (name, value, text) => {
    const { relay, key, owner, connect, credential } = await liveRelay({}, { name: 'hello' });
    relay.setLimits({ [name]: value });
    await owner.until(() => owner.end !== undefined, 'ended');
    expect(linkError(owner)).toMatchObject({ code: RelayCode.NAME_INVALID, text });
    const again = await connect({ signer: credential });
    const request = again.register(key, { name: 'hello', sequence: 2 });
    expect(await answer(again, request)).toMatchObject({ code: RelayCode.NAME_INVALID });
  });
});

describe('requests', () => {
  it.each(['requestsPerAddressPerSecond', 'requestsPerIdentityPerSecond', 'requestsPerLinkPerSecond'] as const)(
    '%s is told with the time to wait, on a link that is open',
    async (name) => {
      const { relay, dialer, owner } = await liveRelay();
      expect(await answer(dialer, lookup(dialer, 'nobody'))).toMatchObject({ code: RelayCode.NO_OWNER });
      relay.setLimits({ [name]: 0.01 });
      const requests = Array.from({ length: 11 }, () => lookup(dialer, 'nobody'));
      const last = await answer(dialer, requests[10] ?? 0);
      expect(last).toMatchObject({ code: RelayCode.BUSY });
      expect(last).toHaveProperty('value', expect.any(Number));
      if (name !== 'requestsPerLinkPerSecond') return;
      expect(await answer(owner, lookup(owner, 'nobody'))).toMatchObject({ code: RelayCode.NO_OWNER });
    },
  );

  it.each(['connectsPerAddressPerSecond', 'connectsPerIdentityPerSecond', 'connectsPerLeasePerSecond'] as const)(
    '%s refuses the next CONNECT with BUSY, and leaves the sessions alone',
    async (name) => {
      const { relay, open, refusal } = await liveRelay();
      const { seen } = await open();
      relay.setLimits({ [name]: 0.01 });
      await open();
      expect(await refusal()).toMatchObject({ code: RelayCode.BUSY });
      expect(seen.resetCode).toBeUndefined();
      expect(relay.statistics().sessions).toBe(2);
    },
  );
});

describe('changing limits', () => {
  it('refuses what is none, and byte rates in which no record gets through', async () => {
    const { relay } = await liveRelay();
    const before = { ...relay.limits };
    const bad = [{ maxSockets: -1 }, { nothing: 1 }, { bytesToLeasePerSecond: 16_383 }];
    for (const changes of bad) {
      expect(() => relay.setLimits(changes)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    }
    expect(relay.limits).toEqual(before);
  });

  it('exempts this machine unless it is told not to', async () => {
    for (const exemptLoopback of [true, false]) {
      const { raw, connect } = await liveRelay({ exemptLoopback, limits: { socketsPerAddress: 1 } });
      await connect();
      const other = await raw();
      other.socket.write(upgradeRequest());
      const expected = exemptLoopback ? /^HTTP\/1.1 101 / : /^HTTP\/1.1 429 /;
      await expect.poll(() => other.text(), { timeout: 20_000 }).toMatch(expected);
    }
  });

  it('counts an identity once for both addresses that it uses', async () => {
    const { relay, connect } = await liveRelay();
    const signer = await Credential.create();
    await connect({ signer }, { localAddress: '127.0.0.7' });
    await connect({ signer }, { localAddress: '127.0.0.8' });
    relay.setLimits({ linksPerIdentity: 1 });
    await expect.poll(() => relay.statistics().links, { timeout: 20_000 }).toBe(3);
  });
});
