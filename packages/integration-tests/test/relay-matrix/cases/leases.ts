import type { RelayClient } from '@sealane/client';
import { Credential } from '@sealane/crypto/credential';
import { type Attack, flipBit, HostileRelay, messageFrame, onMessage } from '@sealane/hostile-relay';
import { type ControlMessage, encodeFrame, type ListedLease, type Register, type Registered } from '@sealane/protocol';
import { createLinkPair, seededRandom } from '@sealane/testkit';
import { MessageKind, type MessageLink, RelayCode, SupersededBy } from '@sealane/types';
import { expect } from 'vitest';
import { inExchange } from '../in-exchange.js';
import type { End, MatrixCase, MatrixGroup } from '../matrix-case.js';
import type { MatrixStage } from '../matrix-stage.js';

const inForce: MatrixCase['ends'] = { dialer: ['right bytes'], owner: ['still up', 'right bytes'] };

const onRegistered = (change: (registered: Registered) => ControlMessage | undefined): Attack =>
  onMessage(MessageKind.REGISTERED, (registered) => {
    const changed = change(registered);
    return changed === undefined ? [] : [changed];
  });

/** `listen` with a name and a service, and another answer than it should get. */
const listens = (
  attack: string,
  end: End,
  change: (registered: Registered) => ControlMessage | undefined,
): MatrixCase => ({
  attack: `answers REGISTER with ${attack}`,
  ends: { owner: [end] },
  run: async (stage) => {
    const client = await stage.client({ use: 'listen' });
    stage.attack(onRegistered(change));
    const listening = client.listen({ service: 'web', name: 'shop', accept: () => true });
    stage.note('owner', await stage.codeOf(listening));
  },
});

const stale = (request: number, value: number | null): ControlMessage => ({
  kind: MessageKind.ERROR,
  request,
  code: RelayCode.LEASE_STALE,
  text: '',
  value,
});

/** REGISTER and RENEW of owners from now on. */
function countRequests(): { readonly attack: Attack; readonly count: () => number } {
  let count = 0;
  return {
    attack: ({ message }) => {
      if (message?.kind === MessageKind.REGISTER || message?.kind === MessageKind.RENEW) count += 1;
      return undefined;
    },
    count: () => count,
  };
}

/** Something happens to the lease of an owner; a minute later it is in force, after few requests. */
async function staysInForce(
  stage: MatrixStage,
  attack: Attack | undefined,
  act: () => void = () => undefined,
): Promise<void> {
  const owner = await stage.owner({ ttlMs: 30_000 });
  const requests = countRequests();
  stage.attack(requests.attack, ...(attack === undefined ? [] : [attack]));
  act();
  await stage.pass(60_000);
  expect(requests.count()).toBeLessThan(70);
  stage.attack();
  await stage.pass(31_000);
  await stage.attempt({ owner });
  let isLost = false;
  owner.listener.closed.catch(() => {
    isLost = true;
  });
  await stage.pass(10);
  stage.note('owner', isLost ? 'nothing' : 'still up');
}

/** A second relay, honest, under another identity. */
async function otherRelay(stage: MatrixStage, authorities: readonly string[] = []): Promise<HostileRelay> {
  const other = await HostileRelay.create({ clock: stage.clock, authorities });
  stage.onClose(() => other.close());
  return other;
}

/** What an owner asked of the relay. */
function recordRegisters(): { readonly attack: Attack; readonly registers: Register[] } {
  const registers: Register[] = [];
  return {
    registers,
    attack: ({ message }) => {
      if (message?.kind === MessageKind.REGISTER) {
        registers.push({ ...message, lease: message.lease.slice(), signature: message.signature.slice() });
      }
      return undefined;
    },
  };
}

const absurd = [Number.MAX_SAFE_INTEGER, 8_000_000_000_000_000];

/** All links of `stage` are carried to `other`, HELLO and AUTH among them. */
function carriedTo(stage: MatrixStage, other: HostileRelay): Attack {
  const pipes = new Map<unknown, MessageLink>();
  return (frame) => {
    const { link, way, type, flags, streamId, body } = frame;
    let pipe = pipes.get(link);
    if (pipe === undefined) {
      const [near, far] = createLinkPair(stage.clock);
      near.start({
        onMessage: (message) => link.rawToClient(message),
        onDrain: () => undefined,
        onEnd: () => link.sayGoodbye(1008, ''),
      });
      other.accept(far);
      pipe = near;
      pipes.set(link, pipe);
    }
    if (way === 'up') pipe.send(encodeFrame(type, flags, streamId, body));
    return [];
  };
}

async function readAll(client: RelayClient): Promise<void> {
  for await (const lease of client.listPublic()) expect(lease.id).not.toBe('');
}

async function idsOf(client: RelayClient): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of client.listPublic()) ids.push(id);
  return ids;
}

const random = seededRandom(77);

export const leaseCases: MatrixGroup = {
  key: 'L',
  title: 'Leases',
  cases: [
    listens('another service', 'ERR_LINK_PROTOCOL', (registered) => ({ ...registered, service: 'admin' })),
    listens('another sequence number', 'ERR_LINK_PROTOCOL', (registered) => ({ ...registered, sequence: 5 })),
    listens('another name', 'ERR_LINK_PROTOCOL', (registered) => ({ ...registered, name: 'other' })),
    listens('no name', 'ERR_LINK_PROTOCOL', (registered) => ({ ...registered, name: null })),
    listens('RENEWED', 'ERR_LINK_PROTOCOL', ({ request }) => ({ kind: MessageKind.RENEWED, request, ttlMs: 60_000 })),
    { ...listens('silence', 'ERR_LINK_TIMEOUT', () => undefined), onlyVirtual: true },
    listens('LEASE_STALE without a number', 'ERR_RELAY_LEASE_STALE', ({ request }) => stale(request, null)),
    ...absurd.map((value) =>
      listens(`LEASE_STALE and the number ${value.toLocaleString('en')}`, 'ERR_RELAY_LEASE_STALE', ({ request }) =>
        stale(request, value),
      ),
    ),
    listens('LEASE_STALE and a number that is always one higher', 'ERR_RELAY_LEASE_STALE', ({ request, sequence }) =>
      stale(request, sequence + 1),
    ),
    {
      attack: 'names an absurd number once, and then takes the lease',
      ends: { dialer: ['right bytes'], owner: ['ERR_RELAY_LEASE_STALE', 'right bytes'] },
      run: async (stage) => {
        const credential = await Credential.create();
        const client = await stage.client({ use: 'listen', credential });
        stage.attack(onRegistered(({ request }) => stale(request, Number.MAX_SAFE_INTEGER)));
        stage.note('owner', await stage.codeOf(client.listen({ accept: () => true })));
        stage.attack();
        await stage.attempt({ owner: await stage.listen(client, credential) });
      },
    },
    ...[1, 4_294_967_295].map(
      (ttlMs): MatrixCase => ({
        attack: `grants a lease for ${ttlMs.toLocaleString('en')} ms`,
        ends: inForce,
        onlyVirtual: true,
        run: (stage) =>
          staysInForce(
            stage,
            (frame) => {
              const { message } = frame;
              if (message?.kind !== MessageKind.REGISTERED && message?.kind !== MessageKind.RENEWED) return undefined;
              return [messageFrame(0, { ...message, ttlMs })];
            },
            () => stage.relay.ownerLinks[0]?.cut(),
          ),
      }),
    ),
    {
      attack: 'answers RENEW with RELEASED',
      ends: inForce,
      onlyVirtual: true,
      run: (stage) =>
        staysInForce(
          stage,
          onMessage(MessageKind.RENEWED, ({ request }) => [{ kind: MessageKind.RELEASED, request }]),
        ),
    },
    {
      attack: 'never answers RENEW',
      ends: inForce,
      onlyVirtual: true,
      run: (stage) =>
        staysInForce(
          stage,
          onMessage(MessageKind.RENEWED, () => []),
        ),
    },
    {
      attack: 'never answers RELEASE: closing does not wait for it',
      ends: { owner: ['still up'] },
      onlyVirtual: true,
      run: async (stage) => {
        const owner = await stage.owner();
        stage.attack(onMessage(MessageKind.RELEASED, () => []));
        stage.note('owner', await stage.codeOf(owner.listener.close()));
      },
    },
    {
      attack: 'says that another process took the lease over (SUPERSEDED): the listener ends, its session does not',
      ends: { dialer: ['right bytes'], owner: ['right bytes', 'ERR_RELAY_SUPERSEDED'] },
      run: async (stage) => {
        const owner = await stage.owner();
        const closed = stage.codeOf(owner.listener.closed);
        const said = { kind: MessageKind.SUPERSEDED, service: '', by: SupersededBy.OTHER_INSTANCE } as const;
        inExchange(stage, 'owner', (link) => link.say(said));
        await stage.attempt({ owner });
        stage.note('owner', await closed);
      },
    },
    {
      attack: 'says again and again that the same process took the lease over',
      ends: inForce,
      onlyVirtual: true,
      run: (stage) =>
        staysInForce(stage, undefined, () => {
          for (let second = 0; second < 60; second++) {
            stage.after(second * 1_000, () => {
              const said = { kind: MessageKind.SUPERSEDED, service: '', by: SupersededBy.SAME_INSTANCE } as const;
              for (const link of stage.relay.ownerLinks) link.say(said);
            });
          }
        }),
    },
    {
      attack: 'says that leases were taken over which the owner never had',
      ends: inForce,
      onlyVirtual: true,
      run: (stage) =>
        staysInForce(stage, undefined, () => {
          for (const link of stage.relay.ownerLinks) {
            link.say({ kind: MessageKind.SUPERSEDED, service: 'admin', by: SupersededBy.OTHER_INSTANCE });
          }
        }),
    },
    {
      attack: 'confirms leases, renewals and releases that nobody asked for',
      ends: inForce,
      onlyVirtual: true,
      run: (stage) =>
        staysInForce(stage, undefined, () => {
          for (const link of stage.relay.ownerLinks) {
            for (let request = 1; request < 20; request++) {
              link.say({ kind: MessageKind.REGISTERED, request, service: '', sequence: 1, ttlMs: 10_000, name: null });
              link.say({ kind: MessageKind.RENEWED, request, ttlMs: 10_000 });
              link.say({ kind: MessageKind.RELEASED, request });
            }
          }
        }),
    },
    {
      attack: 'replays an old lease message on the link of its owner: it is stale',
      ends: { dialer: ['right bytes'], owner: ['right bytes'] },
      onlyVirtual: true,
      run: async (stage) => {
        const { attack, registers } = recordRegisters();
        stage.attack(attack);
        const owner = await stage.owner();
        const codes: number[] = [];
        stage.attack(onMessage(MessageKind.ERROR, ({ code }) => void codes.push(code)));
        for (const old of registers) stage.relay.ownerLinks[0]?.toRelay(messageFrame(0, { ...old, request: 4_000 }));
        await stage.waitFor(() => codes.length > 0, 'an answer');
        expect(codes).toEqual([RelayCode.LEASE_STALE]);
        await stage.attempt({ owner });
      },
    },
    {
      attack: 'replays a lease message of an owner on the link of somebody else: it is not taken',
      ends: { dialer: ['right bytes'], owner: ['right bytes'] },
      onlyVirtual: true,
      run: async (stage) => {
        const { attack, registers } = recordRegisters();
        stage.attack(attack);
        const owner = await stage.owner();
        const dialer = await stage.dialer();
        const codes: number[] = [];
        stage.attack(onMessage(MessageKind.ERROR, ({ code }) => void codes.push(code)));
        for (const old of registers) stage.relay.dialerLinks[0]?.toRelay(messageFrame(0, { ...old, request: 4_000 }));
        await stage.waitFor(() => codes.length > 0, 'an answer');
        expect(codes).toEqual([RelayCode.LEASE_INVALID]);
        await stage.attempt({ owner, dialer });
      },
    },
    {
      attack:
        'replays at another relay a lease message that was for this one, on the link of its owner: it is not taken',
      ends: { owner: ['still up'] },
      onlyVirtual: true,
      run: async (stage) => {
        const { attack, registers } = recordRegisters();
        stage.attack(attack);
        const owner = await stage.owner();
        const other = await otherRelay(stage);
        const codes: number[] = [];
        other.attacks = [onMessage(MessageKind.ERROR, ({ code }) => void codes.push(code))];
        await stage.client({ use: 'listen', credential: owner.credential, relay: other });
        for (const old of registers) other.links[0]?.toRelay(messageFrame(0, { ...old, request: 4_000 }));
        await stage.waitFor(() => codes.length > 0, 'an answer');
        expect(codes).toEqual([RelayCode.LEASE_INVALID]);
        stage.note('owner', 'still up');
      },
    },
    {
      attack: 'carries the whole link of an owner to another relay, which knows by what name it is dialed',
      ends: { owner: ['ERR_RELAY_WRONG_AUTHORITY'] },
      onlyVirtual: true,
      run: async (stage) => {
        const other = await otherRelay(stage, ['other.test:443']);
        stage.attack(carriedTo(stage, other));
        stage.note('owner', await stage.codeOf(stage.client({ use: 'listen' })));
      },
    },
    {
      attack: 'carries the whole link of an owner, who pinned this relay, to another one',
      ends: { owner: ['ERR_RELAY_IDENTITY'] },
      onlyVirtual: true,
      run: async (stage) => {
        const other = await otherRelay(stage);
        stage.attack(carriedTo(stage, other));
        stage.note('owner', await stage.codeOf(stage.client({ use: 'listen', relayId: stage.relay.identity.id })));
      },
    },
    ...(
      [
        ['with another signature', (entry) => ({ ...entry, signature: flipBit(entry.signature, 9) })],
        ['with other words', (entry) => ({ ...entry, lease: flipBit(entry.lease, entry.lease.length - 3) })],
        ['with random bytes for a lease', (entry) => ({ ...entry, lease: random(80) })],
      ] satisfies [string, (entry: ListedLease) => ListedLease][]
    ).map(
      ([words, change]): MatrixCase => ({
        attack: `lists a public lease ${words}`,
        ends: { dialer: ['ERR_LINK_PROTOCOL'] },
        run: async (stage) => {
          await stage.owner({ public: true, metadata: random(40) });
          const { client } = await stage.dialer();
          stage.attack(onMessage(MessageKind.LISTED, (listed) => [{ ...listed, entries: listed.entries.map(change) }]));
          stage.note('dialer', await stage.codeOf(readAll(client)));
        },
      }),
    ),
    ...(
      [
        ['that its owner did not make public', false],
        ['that was for another relay', true],
      ] as const
    ).map(
      ([words, isOthers]): MatrixCase => ({
        attack: `lists a lease ${words}`,
        ends: { dialer: ['ERR_LINK_PROTOCOL'] },
        onlyVirtual: true,
        run: async (stage) => {
          const { attack, registers } = recordRegisters();
          if (isOthers) {
            const other = await otherRelay(stage);
            other.attacks = [attack];
            const client = await stage.client({ use: 'listen', relay: other });
            await stage.until(client.listen({ public: true, accept: () => true }));
          } else {
            stage.attack(attack);
            await stage.owner();
          }
          const entries = registers.map(({ lease, signature }) => ({ lease, signature, expiresInMs: 1_000 }));
          expect(entries.length).toBe(1);
          const { client } = await stage.dialer();
          stage.attack(onMessage(MessageKind.LISTED, (listed) => [{ ...listed, entries }]));
          stage.note('dialer', await stage.codeOf(readAll(client)));
        },
      }),
    ),
    {
      attack: 'lists the same page for ever',
      ends: { dialer: ['ERR_LINK_PROTOCOL'] },
      run: async (stage) => {
        const { client } = await stage.dialer();
        stage.attack(onMessage(MessageKind.LISTED, (listed) => [{ ...listed, next: Uint8Array.of(1) }]));
        stage.note('dialer', await stage.codeOf(readAll(client)));
      },
    },
    {
      attack: 'gets a new lease after a rotation of keys and serves the new keycert: at the next renewal',
      ends: { dialer: ['right bytes'], owner: ['right bytes'] },
      onlyVirtual: true,
      run: async (stage) => {
        let credential = await Credential.create();
        const owner = await stage.owner({ ttlMs: 30_000 }, { current: () => credential });
        const dialer = await stage.dialer();
        expect((await stage.until(dialer.client.lookup(owner.listener.id))).epoch).toBe(1);
        credential = credential.rotate({ nowMs: stage.clock.wallMs() });
        await stage.pass(11_000);
        const newcomer = await stage.dialer();
        expect((await stage.until(newcomer.client.lookup(owner.listener.id))).epoch).toBe(2);
        await stage.attempt({ owner, dialer: newcomer });
        await stage.attempt({ owner, dialer });
      },
    },
    {
      attack: 'drops the new lease after a rotation of keys and goes on with the old one',
      ends: { dialer: ['right bytes', 'ERR_E2EE_KEYCERT'], owner: ['right bytes'] },
      onlyVirtual: true,
      run: async (stage) => {
        let credential = await Credential.create();
        const old = credential;
        const owner = await stage.owner({ ttlMs: 30_000 }, { current: () => credential });
        credential = credential.rotate({ nowMs: stage.clock.wallMs() });
        stage.attack(onMessage(MessageKind.FOUND, (found) => [{ ...found, keycert: old.keycert }]));
        await stage.pass(11_000);
        // Who knows none takes the old one while the owner still holds it; who asks for the new one does not.
        await stage.exchange(await stage.dialer(), old.id);
        await stage.exchange(await stage.dialer(), `sealane://${old.id}?e=2`);
        await stage.noteOwner(owner);
      },
    },
    {
      attack: 'lists a lease that has ended: what its owner once said, and nobody is reached by it',
      ends: { dialer: ['ERR_RELAY_NO_OWNER'] },
      onlyVirtual: true,
      run: async (stage) => {
        const { attack, registers } = recordRegisters();
        stage.attack(attack);
        const owner = await stage.owner({ public: true });
        await stage.until(owner.listener.close());
        const entries = registers.map(({ lease, signature }) => ({ lease, signature, expiresInMs: 60_000 }));
        stage.attack(onMessage(MessageKind.LISTED, (listed) => [{ ...listed, entries }]));
        const { client } = await stage.dialer();
        const listed = await stage.until(idsOf(client));
        expect(listed).toEqual([owner.credential.id]);
        for (const id of listed) stage.note('dialer', await stage.codeOf(client.dial(id)));
      },
    },
  ],
};
