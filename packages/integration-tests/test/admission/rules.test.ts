import { Allowlist, approval, MemoryApprovalStore, MemoryTokenStore, open, tokens } from '@sealane/server/policy';
import { afterEach, describe, expect, it } from 'vitest';
import { AdmissionStage, addToken, identities, reaches, refusal, until } from './admission-stage.js';

let stage = new AdmissionStage();
afterEach(async () => {
  await stage.close();
  stage = new AdmissionStage();
});

describe('an allowlist', () => {
  it('takes leases of its ids alone; who is struck off loses lease and live sessions at once, and can come back', async () => {
    const [listed, stranger] = await identities(2);
    const list = new Allowlist([listed!.id]);
    const { server, url } = await stage.admitting({ require: [list] });
    await expect(stage.owner(url, stranger!)).rejects.toThrow(refusal('ERR_RELAY_DENIED', /not on the list/));
    const { listener } = await stage.owner(url, listed!);
    const dialer = await stage.client(url);
    await reaches(dialer, listed!.id);
    const stream = await dialer.openStream(listed!.id);
    const writer = stream.writable.getWriter();
    await writer.write(Buffer.from('live'));
    await until(() => server.statistics().sessions === 1);
    list.replace([]);
    await expect(listener.closed).rejects.toThrow(refusal('ERR_RELAY_DENIED'));
    await until(() => server.statistics().sessions === 0 && server.statistics().leases === 0);
    expect(stage.events).toContainEqual(expect.objectContaining({ type: 'denied', id: listed!.id, service: '' }));
    expect(stage.events).toContainEqual(expect.objectContaining({ type: 'lease-end', reason: 'denied' }));
    const other = await stage.client(url);
    await expect(other.dial(listed!.id)).rejects.toThrow(refusal('ERR_RELAY_NO_OWNER'));
    writer.abort().catch(() => undefined);
    list.replace([listed!.id]);
    await stage.owner(url, listed!);
    await reaches(other, listed!.id);
  });
});

describe('enrolment tokens', () => {
  it('admit whom they enrolled, as often as they say; the same identity needs no second use', async () => {
    const [first, second] = await identities(2);
    const store = new MemoryTokenStore();
    const token = await addToken(store, { uses: 1 });
    const { url } = await stage.admitting({ require: [tokens(store)] });
    await expect(stage.owner(url, first!)).rejects.toThrow(refusal('ERR_RELAY_TOKEN', /is needed/));
    const { client } = await stage.owner(url, first!, { token: token.bytes });
    await reaches(await stage.client(url), first!.id);
    await expect(stage.owner(url, second!, { token: token.bytes })).rejects.toThrow(
      refusal('ERR_RELAY_TOKEN', /enrols nobody more/),
    );
    await client.close();
    await stage.owner(url, first!);
    expect(store.list()).toMatchObject([{ id: token.id, identities: [first!.id] }]);
  });

  it('that are expired, unknown or half right enrol nobody, and say so', async () => {
    const [owner] = await identities(1);
    const store = new MemoryTokenStore();
    const expired = await addToken(store, { expiresAtMs: Date.now() - 1 });
    const token = await addToken(store);
    const { url } = await stage.admitting({ require: [tokens(store)] });
    const half = Buffer.concat([token.bytes.slice(0, 8), Buffer.alloc(24)]);
    const wrong: [Uint8Array, RegExp][] = [
      [expired.bytes, /time of this token is over/],
      [half, /does not know this token/],
      [Buffer.alloc(32), /does not know this token/],
      [Buffer.alloc(9), /does not know this token/],
    ];
    for (const [bytes, message] of wrong) {
      await expect(stage.owner(url, owner!, { token: bytes })).rejects.toThrow(refusal('ERR_RELAY_TOKEN', message));
    }
    expect(store.list().every(({ identities: enrolled }) => enrolled.length === 0)).toBe(true);
  });

  it('that are revoked end what they let in at once', async () => {
    const [owner] = await identities(1);
    const store = new MemoryTokenStore();
    const token = await addToken(store);
    const { server, url } = await stage.admitting({ require: [tokens(store)] });
    const { listener } = await stage.owner(url, owner!, { token: token.bytes });
    const dialer = await stage.client(url);
    await reaches(dialer, owner!.id);
    await dialer.openStream(owner!.id);
    expect(server.statistics().sessions).toBe(1);
    store.revoke(token.id);
    await expect(listener.closed).rejects.toThrow(refusal('ERR_RELAY_TOKEN', /does not know this token|is needed/));
    await until(() => server.statistics().sessions === 0 && server.statistics().leases === 0);
  });
});

describe('an approval', () => {
  it('lets a lease wait, seen on both sides, and nobody reaches it before', async () => {
    const [owner] = await identities(1);
    const store = new MemoryApprovalStore();
    const { server, url } = await stage.admitting({ require: [approval(store)] });
    const pending = stage.owner(url, owner!, {}, { name: 'waiting', public: true });
    await until(() => stage.events.some(({ type }) => type === 'pending'));
    expect(stage.events).toContainEqual({
      type: 'pending',
      link: expect.any(String),
      use: 'lease',
      id: owner!.id,
      service: '',
      name: 'waiting',
    });
    expect(server.statistics()).toMatchObject({ leases: 0, names: 0, pendingLeases: 1 });
    const dialer = await stage.client(url);
    await expect(dialer.lookup('waiting')).rejects.toThrow(refusal('ERR_RELAY_NO_OWNER'));
    await expect(dialer.dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_NO_OWNER'));
    for await (const lease of dialer.listPublic()) expect.unreachable(lease.id);
    store.approve(owner!.id);
    const { told } = await pending;
    const states = told.flatMap((event) => (event.type === 'lease' ? [event.state] : []));
    expect(states).toEqual(['pending', 'registered']);
    await reaches(dialer, owner!.id);
    expect((await dialer.lookup('waiting')).id).toBe(owner!.id);
  });

  it('that is withdrawn ends lease and live sessions at once, and the lease waits again', async () => {
    const [owner] = await identities(1);
    const store = new MemoryApprovalStore();
    store.approve(owner!.id);
    const { server, url } = await stage.admitting({ require: [approval(store)] });
    const { listener } = await stage.owner(url, owner!);
    const dialer = await stage.client(url);
    await reaches(dialer, owner!.id);
    await dialer.openStream(owner!.id);
    store.withdraw(owner!.id);
    await until(() => server.statistics().sessions === 0 && server.statistics().leases === 0);
    await until(() => server.statistics().pendingLeases === 1);
    expect(listener.isClosed).toBe(false);
    await expect((await stage.client(url)).dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_NO_OWNER'));
    store.approve(owner!.id);
    await until(() => server.statistics().leases === 1);
    await reaches(await stage.client(url), owner!.id);
  });

  it('waits no longer than the link of who waits', async () => {
    const [owner] = await identities(1);
    const { server, url } = await stage.admitting({ require: [approval(new MemoryApprovalStore())] });
    const client = await stage.lazy(url, { credential: owner! });
    const listening = client.listen({ accept: () => true });
    await until(() => server.statistics().pendingLeases === 1);
    await client.close();
    await expect(listening).rejects.toThrow();
    await until(() => server.statistics().pendingLeases === 0);
  });

  it('is refused to a client that does not know of waiting, with what to do', async () => {
    const [owner] = await identities(1);
    const { url } = await stage.admitting({ require: [approval(new MemoryApprovalStore())] });
    const older = { features: { link: 3 } };
    await expect(stage.owner(url, owner!, older)).rejects.toThrow(refusal('ERR_RELAY_DENIED', new RegExp(owner!.id)));
  });
});

describe('rules together', () => {
  it('of one list any is enough, of several all are needed', async () => {
    const [listed, enrolled, approvedOnly] = await identities(3);
    const store = new MemoryTokenStore();
    const token = await addToken(store);
    const approvals = new MemoryApprovalStore();
    const list = new Allowlist([listed!.id]);
    for (const { id } of [listed!, enrolled!, approvedOnly!]) approvals.approve(id);
    const { url } = await stage.admitting({ require: [[list, tokens(store)], approval(approvals)] });
    await stage.owner(url, listed!, { token: token.bytes });
    await stage.owner(url, enrolled!, { token: token.bytes });
    await expect(stage.owner(url, approvedOnly!)).rejects.toThrow(refusal('ERR_RELAY_TOKEN'));
    // Who was on the list used no token up.
    expect(store.list()).toMatchObject([{ identities: [enrolled!.id] }]);
  });

  it('without any, or with "open", everybody is admitted', async () => {
    const [owner] = await identities(1);
    for (const require of [[], [open()], [[new Allowlist(), open()]]]) {
      const { url } = await stage.admitting({ require });
      await stage.owner(url, owner!);
      await reaches(await stage.client(url), owner!.id);
    }
  });
});
