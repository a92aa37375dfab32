import { flipBit, type HostileStream, onConnect, onForward, onMessage } from '@sealane/hostile-relay';
import { MessageKind } from '@sealane/types';
import { expect } from 'vitest';
import type { MatrixCase, MatrixGroup } from '../matrix-case.js';
import type { MatrixStage, Owner } from '../matrix-stage.js';
import {
  asEver,
  changeMessage1,
  changeMessage2,
  crossMessages2,
  cutOnStream,
  damaged,
  ephemeralAt1,
  freshAttempt,
  injectEach,
  KEM_BYTES,
  keyOf,
  lowOrderKeys,
  messagesOnStream,
  oneAttempt,
  random,
  refused,
  replayMany,
  replayOnNewLinks,
  secret,
  sweepMessage2,
  withForged,
  withKey,
} from './handshake-attacks.js';
import { lowerSuite } from './suites.js';

const ownService = (stage: MatrixStage, owner: Owner): Promise<Owner> =>
  stage.listen(owner.client, owner.credential, { service: 'admin' });

export const handshakeCases: MatrixGroup = {
  key: 'H',
  title: 'The handshake between dialer and owner',
  cases: [
    {
      attack: 'replays message 1 to the owner a thousand times on the same link, under the same connection id',
      ends: asEver,
      onlyVirtual: true,
      run: (stage) => replayMany(stage, (request) => request),
    },
    {
      attack: 'replays message 1 to the owner a thousand times on the same link, under other connection ids',
      ends: asEver,
      onlyVirtual: true,
      run: (stage) => replayMany(stage, (request) => ({ ...request, connectionId: random(16) })),
    },
    {
      attack: 'replays message 1 to the owner a thousand times on ten new links',
      ends: { dialer: ['right bytes'], owner: ['right bytes'] },
      onlyVirtual: true,
      run: replayOnNewLinks,
    },
    {
      attack: 'forwards message 1 twice at once',
      ends: asEver,
      run: async (stage) => {
        const copies: HostileStream[] = [];
        stage.attack(
          onForward((request, { link }) => {
            queueMicrotask(() => copies.push(link.forward(request)));
            return undefined;
          }),
        );
        const { owner } = await stage.attempt();
        expect(copies.map(({ answer }) => answer?.kind)).toEqual([MessageKind.REJECT]);
        expect(owner.asked.length).toBe(1);
      },
    },
    {
      attack: 'answers with a message 2 of an earlier handshake',
      ends: { dialer: ['right bytes', 'ERR_E2EE_DAMAGED'], owner: ['right bytes'] },
      run: async (stage) => {
        let first: Uint8Array | undefined;
        stage.attack(changeMessage2((message2) => (first ??= message2)));
        const { owner, dialer } = await stage.attempt();
        await stage.exchange(dialer, owner.listener.address, { alpn: ['sealane/stream/1', 'again'] });
        await stage.noteOwner(owner);
      },
    },
    { attack: 'gives two dialers the message 2 of each other', ends: damaged, run: crossMessages2 },
    {
      attack: 'reflects message 1 to the dialer as message 2',
      ends: damaged,
      run: async (stage) => {
        let sent: Uint8Array | undefined;
        stage.attack(
          onConnect(({ message1 }) => {
            sent = message1?.slice();
            return undefined;
          }),
          changeMessage2((message2) => sent ?? message2),
        );
        await stage.attempt();
      },
    },
    {
      attack: 'reflects message 2 to the owner as message 1',
      ends: { dialer: ['right bytes', 'ERR_RELAY_MALFORMED'], owner: ['right bytes'] },
      run: async (stage) => {
        let answer: Uint8Array | undefined;
        stage.attack(
          changeMessage1((message1) => answer ?? message1),
          changeMessage2((message2) => (answer = message2)),
        );
        const { owner, dialer } = await stage.attempt();
        await stage.exchange(dialer, owner.listener.address, { alpn: ['sealane/stream/1', 'again'] });
        await stage.noteOwner(owner);
      },
    },
    {
      attack: 'leads the dialer, who listens too, to itself',
      ends: { dialer: ['ERR_RELAY_NO_OWNER'], owner: ['nothing'] },
      run: async (stage) => {
        const owner = await stage.owner();
        const dialer = await stage.dialer();
        const self = await stage.owner({}, { credential: dialer.credential });
        stage.attack(
          onConnect((request) => ({ ...request, owner: dialer.credential.publicKey })),
          onForward((request) => ({ ...request, owner: owner.credential.publicKey })),
        );
        await stage.exchange(dialer, owner.listener.address);
        await stage.noteOwner(self);
      },
    },
    {
      attack: 'leads the dialer to another owner',
      ends: refused,
      run: async (stage) => {
        const [owner, other] = [await stage.owner(), await stage.owner()];
        stage.attack(onConnect((request) => ({ ...request, owner: other.credential.publicKey })));
        await stage.exchange(await stage.dialer(), owner.listener.address);
        for (const each of [owner, other]) await stage.noteOwner(each);
        expect(other.asked).toEqual([]);
      },
    },
    {
      attack: 'leads the dialer to another owner and tells that one the true id',
      ends: { dialer: ['ERR_RELAY_NO_OWNER'], owner: ['nothing'] },
      run: async (stage) => {
        const [owner, other] = [await stage.owner(), await stage.owner()];
        stage.attack(
          onConnect((request) => ({ ...request, owner: other.credential.publicKey })),
          onForward((request) => ({ ...request, owner: owner.credential.publicKey })),
        );
        await stage.exchange(await stage.dialer(), owner.listener.address);
        for (const each of [owner, other]) await stage.noteOwner(each);
        expect(other.asked).toEqual([]);
      },
    },
    {
      attack: 'leads the dialer to another service of the same owner',
      ends: { dialer: ['ERR_E2EE_NO_TARGET'], owner: ['nothing'] },
      run: async (stage) => {
        const owner = await stage.owner();
        const admin = await ownService(stage, owner);
        stage.attack(onConnect((request) => ({ ...request, service: 'admin' })));
        await stage.exchange(await stage.dialer(), owner.listener.address);
        for (const each of [owner, admin]) await stage.noteOwner(each);
        expect(admin.asked).toEqual([]);
      },
    },
    {
      attack: 'leads the dialer to another process of the same owner, which has another service',
      ends: { dialer: ['ERR_RELAY_NO_OWNER'], owner: ['nothing'] },
      run: async (stage) => {
        const owner = await stage.owner();
        const admin = await stage.owner({ service: 'admin' }, { credential: owner.credential });
        stage.attack(
          onConnect((request) => ({ ...request, service: 'admin' })),
          onForward((request) => ({ ...request, service: '' })),
        );
        await stage.exchange(await stage.dialer(), owner.listener.address);
        for (const each of [owner, admin]) await stage.noteOwner(each);
      },
    },
    {
      attack: 'signs the hello again as itself (message 1 with its own keys)',
      ends: damaged,
      run: async (stage) => {
        const asked = await withForged(stage, ({ mallory }) => ({ key: keyOf(mallory), keycert: mallory.keycert }));
        expect(asked).toEqual(['the relay']);
      },
    },
    {
      attack: 'makes a hello with its own key and the keycert of its victim',
      ends: refused,
      run: async (stage) => {
        const asked = await withForged(stage, ({ mallory, victim }) => ({
          key: keyOf(mallory),
          keycert: victim.keycert,
        }));
        expect(asked).toEqual([]);
      },
    },
    {
      attack: 'makes a hello with a KEM key that is none',
      ends: refused,
      run: async (stage) => {
        await withForged(stage, ({ mallory }) => ({
          key: keyOf(mallory),
          keycert: mallory.keycert,
          kemPublicKey: new Uint8Array(1_184).fill(255),
        }));
      },
    },
    {
      attack: 'changes the connection id',
      ends: refused,
      run: oneAttempt(onForward((request) => ({ ...request, connectionId: new Uint8Array(16).fill(5) }))),
    },
    {
      attack: 'changes the id of the owner on the way to it',
      ends: { dialer: ['ERR_RELAY_NO_OWNER'], owner: ['nothing'] },
      run: oneAttempt(onForward((request) => ({ ...request, owner: flipBit(request.owner, 3) }))),
    },
    {
      attack: 'changes the epoch of the owner in message 1',
      ends: { dialer: ['ERR_RELAY_KEYCERT'], owner: ['nothing'] },
      run: oneAttempt(changeMessage1((message1) => flipBit(message1, 4, 3))),
    },
    {
      attack: 'flips a bit in each single byte of message 1',
      ends: { owner: ['right bytes'] },
      onlyVirtual: true,
      run: (stage) =>
        injectEach(
          stage,
          (message1, index) => flipBit(message1, index, index % 8),
          ({ length }) => length,
        ),
    },
    {
      attack: 'cuts message 1 at every length',
      ends: { owner: ['right bytes'] },
      onlyVirtual: true,
      run: (stage) =>
        injectEach(
          stage,
          (message1, index) => message1.slice(0, index + 1),
          ({ length }) => length - 1,
        ),
    },
    {
      attack: 'makes message 1 longer, up to the limit',
      ends: { owner: ['right bytes'] },
      onlyVirtual: true,
      run: (stage) =>
        injectEach(
          stage,
          (message1, index) => Buffer.concat([message1, new Uint8Array(1 + index * 16)]),
          ({ length }) => Math.floor((4_096 - length) / 16),
        ),
    },
    {
      attack: 'flips a bit in each single byte of message 2, of the KEM ciphertext among them',
      ends: { dialer: ['ERR_E2EE_SUITE', 'ERR_E2EE_DAMAGED'], owner: ['nothing'] },
      onlyVirtual: true,
      run: (stage) =>
        sweepMessage2(stage, (message2, at) => (at < message2.length ? flipBit(message2, at, at % 8) : undefined)),
    },
    {
      attack: 'cuts message 2 at every length',
      ends: { dialer: ['ERR_E2EE_DAMAGED'], owner: ['nothing'] },
      onlyVirtual: true,
      run: (stage) =>
        sweepMessage2(stage, (message2, at) => (at + 1 < message2.length ? message2.slice(0, at + 1) : undefined)),
    },
    {
      attack: 'flips a bit in every fourth byte of the KEM ciphertext where an access secret is set',
      ends: { dialer: ['ERR_E2EE_DAMAGED'], owner: ['nothing'] },
      onlyVirtual: true,
      run: (stage) =>
        sweepMessage2(
          stage,
          (message2, at) => (at * 4 < KEM_BYTES ? flipBit(message2, 1 + at * 4, at % 8) : undefined),
          secret,
        ),
    },
    ...(
      [
        ['zeros', () => new Uint8Array(KEM_BYTES)],
        ['random bytes', () => random(KEM_BYTES)],
      ] as const
    ).map(
      ([words, create]): MatrixCase => ({
        attack: `gives ${words} for the KEM ciphertext`,
        ends: damaged,
        run: oneAttempt(changeMessage2((message2) => withKey(message2, 1, create()))),
      }),
    ),
    {
      attack: 'gives the KEM ciphertext of another handshake',
      ends: { dialer: ['right bytes', 'ERR_E2EE_DAMAGED'], owner: ['right bytes'] },
      run: async (stage) => {
        let first: Uint8Array | undefined;
        stage.attack(
          changeMessage2((message2) => {
            first ??= message2.slice(1, 1 + KEM_BYTES);
            return withKey(message2, 1, first);
          }),
        );
        const { owner, dialer } = await stage.attempt();
        await stage.exchange(dialer, owner.listener.address, { alpn: ['sealane/stream/1', 'again'] });
        await stage.noteOwner(owner);
      },
    },
    {
      attack: 'gives a low-order ephemeral key to the owner',
      ends: refused,
      run: async (stage) => {
        for (const key of lowOrderKeys) {
          stage.attack(changeMessage1((message1) => withKey(message1, ephemeralAt1, key)));
          await stage.attempt();
        }
      },
    },
    {
      attack: 'gives a low-order ephemeral key to the dialer',
      ends: damaged,
      run: async (stage) => {
        for (const key of lowOrderKeys) {
          stage.attack(changeMessage2((message2) => withKey(message2, 1 + KEM_BYTES, key)));
          await stage.attempt();
        }
      },
    },
    ...lowerSuite(),
    {
      attack: 'knows everything but the access secret',
      ends: damaged,
      run: async (stage) => {
        const owner = await stage.owner(secret);
        await stage.attempt({ owner, dial: { accessSecret: random(32) } });
      },
    },
    {
      attack: 'takes message 1 out of CONNECT and sends it on the stream',
      ends: asEver,
      run: freshAttempt(() => messagesOnStream()),
    },
    {
      attack: 'takes message 1 out of CONNECT and sends it on the stream, one byte at a time',
      ends: asEver,
      run: freshAttempt(() => messagesOnStream((bytes) => [...bytes].map((byte) => Uint8Array.of(byte)))),
    },
    {
      attack: 'takes message 1 out of CONNECT and sends it changed on the stream',
      ends: { dialer: ['ERR_E2EE_HANDSHAKE'], owner: ['nothing'] },
      run: freshAttempt(() => messagesOnStream((bytes) => [flipBit(bytes, 400, 2)])),
    },
    {
      attack: 'takes message 1 out of CONNECT and sends it twice on the stream',
      ends: { dialer: ['ERR_E2EE_HANDSHAKE'], owner: ['nothing'] },
      run: freshAttempt(() => messagesOnStream((bytes) => [Buffer.concat([bytes, bytes])])),
    },
    {
      attack: 'takes message 1 out of CONNECT and sends bytes of its own behind it',
      ends: { dialer: ['ERR_E2EE_HANDSHAKE'], owner: ['nothing'] },
      run: freshAttempt(() => messagesOnStream((bytes) => [Buffer.concat([bytes, Uint8Array.of(0, 0, 20)])])),
    },
    {
      attack: 'sends message 1 on the stream and cuts it at every offset',
      ends: asEver,
      onlyVirtual: true,
      run: cutOnStream,
    },
    {
      attack: 'does not hand the request over',
      ends: { dialer: ['ERR_E2EE_TIMEOUT'], owner: ['nothing'] },
      onlyVirtual: true,
      run: oneAttempt((frame) => (frame.forward === undefined ? undefined : [])),
    },
    {
      attack: 'does not hand the answer over',
      ends: { dialer: ['ERR_E2EE_TIMEOUT'], owner: ['nothing'] },
      onlyVirtual: true,
      run: oneAttempt(onMessage(MessageKind.ACCEPT, (_, { way }) => (way === 'down' ? [] : undefined))),
    },
  ],
};
