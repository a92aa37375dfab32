import { MemoryKeycertStore, type RelayClient, type SecureConnection } from '@sealane/client';
import { createTicket, MemoryTicketUses, type Ticket, TicketGate, type TicketOptions } from '@sealane/client/ticket';
import type { Credential } from '@sealane/crypto/credential';
import { MemoryTicketUseStore } from '@sealane/server/policy';
import { afterEach, expect, it } from 'vitest';
import { exchange } from '../support/client-stack.js';
import { AdmissionStage, identities, refusal, until } from './admission-stage.js';

let stage = new AdmissionStage();
afterEach(async () => {
  await stage.close();
  stage = new AdmissionStage();
});

const hour = 3_600_000;

async function ticketOf(owner: Credential, options: Partial<TicketOptions> = {}): Promise<Ticket> {
  return await createTicket(owner, { notAfterMs: Date.now() + hour, ...options });
}

/** An owner that asks for tickets, and how often its process was woken. */
async function ticketed(url: string, owner: Credential, listen = {}, options = {}) {
  const asked: (Uint8Array | undefined)[] = [];
  const gate = new TicketGate({
    id: owner.id,
    uses: new MemoryTicketUses(),
    accept: () => true,
  });
  const counted = {
    ...gate,
    accept: (peer: Parameters<TicketGate['accept']>[0]) => {
      asked.push(peer.ticket);
      return gate.accept(peer);
    },
  };
  return { ...(await stage.owner(url, owner, options, { ...counted, ...listen })), asked };
}

async function talks(connection: SecureConnection): Promise<void> {
  const bytes = Buffer.from('with a ticket');
  expect(Buffer.compare(await exchange(await connection.openStream(), bytes), bytes)).toBe(0);
}

it('a relay turns requests without a ticket away before it wakes the owner, and lets those with one through', async () => {
  const [owner, dialerId] = await identities(2);
  const { url } = await stage.relay();
  const { asked } = await ticketed(url, owner!);
  const dialer = await stage.client(url, { credential: dialerId! });
  await expect(dialer.dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_TICKET', /asks for a ticket/));
  const others = await ticketOf(dialerId!);
  await expect(dialer.dial(owner!.id, { ticket: others })).rejects.toThrow(refusal('ERR_RELAY_TICKET'));
  const over = await ticketOf(owner!, { notAfterMs: Date.now() - 1 });
  await expect(dialer.dial(owner!.id, { ticket: over })).rejects.toThrow(
    refusal('ERR_RELAY_TICKET', /time .* is over/),
  );
  const elsewhere = await ticketOf(owner!, { service: 'ssh' });
  await expect(dialer.dial(owner!.id, { ticket: elsewhere })).rejects.toThrow(refusal('ERR_RELAY_TICKET'));
  expect(asked).toEqual([]);
  const bearer = await ticketOf(owner!);
  await talks(await dialer.dial(owner!.id, { ticket: bearer }));
  const named = await ticketOf(owner!, { dialer: dialerId!.publicKey, alpn: 'sealane/stream/1' });
  await talks(await dialer.dial(owner!.id, { ticket: named }));
  expect(asked).toEqual([bearer.whole, named.whole]);
});

it('the owner checks again what the relay cannot see: for whom the ticket is, which protocol, and its terms', async () => {
  const [owner, friend, thief] = await identities(3);
  const { url } = await stage.relay();
  const { asked } = await ticketed(url, owner!, { alpn: ['a/1', 'b/1'] });
  const named = await ticketOf(owner!, { dialer: friend!.publicKey });
  const dialer = await stage.client(url, { credential: thief! });
  const alpn = ['b/1'];
  await expect(dialer.dial(owner!.id, { ticket: named, alpn })).rejects.toThrow(
    refusal('ERR_E2EE_DENIED', /for another identity/),
  );
  const forB = await ticketOf(owner!, { alpn: 'b/1' });
  await expect(dialer.dial(owner!.id, { ticket: forB, alpn: ['a/1'] })).rejects.toThrow(
    refusal('ERR_E2EE_DENIED', /for another protocol/),
  );
  const { bytes } = await ticketOf(owner!);
  // What a relay knows of a ticket is none to the owner.
  for (const whole of [bytes, Buffer.concat([bytes, named.whole.subarray(named.bytes.length)])]) {
    await expect(dialer.dial(owner!.id, { ticket: { bytes, whole }, alpn })).rejects.toThrow(
      refusal('ERR_E2EE_DENIED'),
    );
  }
  expect((await dialer.dial(owner!.id, { ticket: forB, alpn })).alpn).toBe('b/1');
  expect(asked).toHaveLength(5);
});

it('a relay that lets everything through changes nothing: the owner turns away who has no ticket', async () => {
  const [owner, dialerId] = await identities(2);
  const { url } = await stage.relay({ features: 3 });
  const { asked } = await ticketed(url, owner!);
  const dialer = await stage.client(url, { credential: dialerId! });
  await expect(dialer.dial(owner!.id)).rejects.toThrow(refusal('ERR_E2EE_DENIED', /asks for a ticket/));
  expect(asked).toHaveLength(1);
  await talks(await dialer.dial(owner!.id, { ticket: await ticketOf(owner!) }));
});

it('uses are counted by the relay and by the owner, each for itself; a refused request costs none', async () => {
  const [owner, dialerId] = await identities(2);
  const first = await stage.relay();
  const second = await stage.relay();
  const uses = new MemoryTicketUses();
  const gate = new TicketGate({ id: owner!.id, uses });
  const client = await stage.client(first.url, { credential: owner!, use: 'listen' });
  const other = await stage.client(second.url, { credential: owner!, use: 'listen' });
  for (const each of [client, other]) {
    const listener = await each.listen({ ...gate });
    void (async () => {
      for await (const connection of listener) void connection.closed.catch(() => undefined);
    })().catch(() => undefined);
  }
  const ticket = await ticketOf(owner!, { uses: 2 });
  const dialer = await stage.client(first.url, { credential: dialerId! });
  const fresh = { ticket, fresh: true };
  for (let index = 0; index < 2; index += 1) await dialer.dial(owner!.id, fresh);
  await until(() => uses.used(ticket.id) === 2);
  await expect(dialer.dial(owner!.id, fresh)).rejects.toThrow(refusal('ERR_RELAY_TICKET', /as often as it may/));
  // The other relay has counted none, and the owner all.
  const elsewhere = await stage.client(second.url, { credential: dialerId! });
  await expect(elsewhere.dial(owner!.id, fresh)).rejects.toThrow(refusal('ERR_E2EE_DENIED', /as often as it may/));
});

it('a use is given back when the owner does not take the request, so that a busy owner costs no ticket', async () => {
  const [first, dialerId] = await identities(2);
  const owner = first!.rotate({ nowMs: Date.now() }).rotate({ nowMs: Date.now() });
  const ticketUses = new MemoryTicketUseStore();
  const { server, url } = await stage.relay({ ticketUses });
  await ticketed(url, owner!);
  const ticket = await ticketOf(owner!, { uses: 1 });
  const count = { ownerId: owner!.id, ticketId: ticket.id, uses: 1, notAfterMs: ticket.notAfterMs };
  // The first request names keys that the owner no longer holds: it is rejected, and comes again with the right ones.
  const knownKeycerts = new MemoryKeycertStore();
  await knownKeycerts.put(owner!.id, first!.keycert, 'accepted');
  const dialer = await stage.client(url, { credential: dialerId!, knownKeycerts });
  await talks(await dialer.dial(owner!.id, { ticket }));
  expect(server.statistics().refusals).toEqual({ KEYCERT: 1 });
  expect(ticketUses.take(count)).toBe('used-up');
});

it('two sessions at once with a ticket for one: one of them begins', async () => {
  const [owner, dialerId] = await identities(2);
  const { url } = await stage.relay({ features: 3 });
  const { client } = await ticketed(url, owner!);
  const ticket = await ticketOf(owner!, { uses: 1 });
  const dialers: RelayClient[] = [];
  for (let index = 0; index < 3; index += 1) dialers.push(await stage.client(url, { credential: dialerId! }));
  const results = await Promise.allSettled(
    dialers.map(async (dialer) => await talks(await dialer.dial(owner!.id, { ticket }))),
  );
  expect(
    results.map((result) => (result.status === 'fulfilled' ? 'talked' : String(result.reason.code))).sort(),
  ).toEqual(['ERR_E2EE_DENIED', 'ERR_E2EE_DENIED', 'talked']);
  await until(() => client.connections.size === 1);
});

it('sessions end when the time of their ticket is over, on both sides', async () => {
  const [owner, dialerId] = await identities(2);
  const { url } = await stage.relay();
  await ticketed(url, owner!);
  const dialer = await stage.client(url, { credential: dialerId! });
  const ticket = await ticketOf(owner!, { notAfterMs: Date.now() + 1_500 });
  const connection = await dialer.dial(owner!.id, { ticket });
  await talks(connection);
  await expect(connection.closed).rejects.toThrow(refusal('ERR_E2EE_DENIED'));
});

it('a session that resumes shows its ticket to the relay again', async () => {
  const [owner, dialerId] = await identities(2);
  const relay = await stage.relay();
  const { asked } = await ticketed(relay.url, owner!);
  const ticket = await ticketOf(owner!, { uses: 1 });
  const dialer = await stage.client(relay.url, { credential: dialerId! });
  const connection = await dialer.dial(owner!.id, { ticket });
  await talks(connection);
  await relay.server.close();
  await until(() => connection.isSuspended);
  const again = await stage.relay({ from: relay });
  await until(() => !connection.isSuspended);
  await talks(connection);
  // Used up, and asked again about the same session: it is one use.
  expect(asked.length).toBeGreaterThanOrEqual(2);
  expect(again.server.statistics().refusals['TICKET']).toBeUndefined();
});

it('a RESUME that comes without a ticket is turned away before it reaches the owner, held ones too', async () => {
  const [owner, dialerId] = await identities(2);
  // A relay that knows no tickets lets the session begin.
  const relay = await stage.relay({ features: 3 });
  const { asked } = await ticketed(relay.url, owner!);
  const dialer = await stage.client(relay.url, { credential: dialerId!, features: { link: 3 } });
  const connection = await dialer.dial(owner!.id, { ticket: await ticketOf(owner!) });
  await talks(connection);
  const before = asked.length;
  await relay.server.close();
  await until(() => connection.isSuspended);
  const { server } = await stage.relay({ from: relay });
  await until(() => (server.statistics().refusals['DENIED'] ?? 0) > 0);
  expect(connection.isSuspended).toBe(true);
  expect(asked).toHaveLength(before);
});

it('an older dialer hears that a ticket is asked for, in words that it knows', async () => {
  const [owner] = await identities(1);
  const { url } = await stage.relay();
  const { asked } = await ticketed(url, owner!);
  const older = await stage.client(url, { features: { link: 3 } });
  await expect(older.dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_DENIED', /asks for a ticket/));
  expect(asked).toEqual([]);
});
