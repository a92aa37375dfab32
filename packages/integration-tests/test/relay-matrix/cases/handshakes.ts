import { Credential, parseKeycert } from '@sealane/crypto/credential';
import {
  type Attack,
  dataFrames,
  flipBit,
  type HostileStream,
  messageFrame,
  onConnect,
  onForward,
  onMessage,
  requestFrame,
  type SeenFrame,
} from '@sealane/hostile-relay';
import { encodeHandshakeMessage, type ForwardConnect, HandshakeReader } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { MessageKind, OpenKind, RelayCode, Suite } from '@sealane/types';
import { expect } from 'vitest';
import { forgeHello } from '../../../../client/test/support/forged-hello.js';
import type { End, MatrixCase, MatrixGroup } from '../matrix-case.js';
import type { Dialer, MatrixStage, Owner } from '../matrix-stage.js';

const random = seededRandom(33);
const KEM_BYTES = 1_088;
const refused: MatrixCase['ends'] = { dialer: ['ERR_RELAY_MALFORMED'], owner: ['nothing'] };
const damaged: MatrixCase['ends'] = { dialer: ['ERR_E2EE_DAMAGED'], owner: ['nothing'] };
const asEver: MatrixCase['ends'] = { dialer: ['right bytes'], owner: ['right bytes'] };

const changeMessage1 = (change: (message1: Uint8Array, request: ForwardConnect) => Uint8Array) =>
  onForward((request) =>
    request.message1 === null ? undefined : { ...request, message1: change(request.message1.slice(), request) },
  );

/** On its way to the dialer. */
const changeMessage2 = (change: (message2: Uint8Array, frame: SeenFrame) => Uint8Array) =>
  onMessage(MessageKind.ACCEPT, (accept, frame) =>
    accept.message2 === null || frame.way === 'up'
      ? undefined
      : [{ ...accept, message2: change(accept.message2.slice(), frame) }],
  );

const oneAttempt =
  (...attack: readonly Attack[]) =>
  async (stage: MatrixStage): Promise<void> => {
    stage.attack(...attack);
    await stage.attempt();
  };

/** The same for attacks that remember something. */
const freshAttempt =
  (create: () => Attack) =>
  async (stage: MatrixStage): Promise<void> => {
    stage.attack(create());
    await stage.attempt();
  };

/** What the owner was asked in an exchange that nobody disturbed. */
async function recorded(stage: MatrixStage): Promise<{ owner: Owner; dialer: Dialer; request: ForwardConnect }> {
  let request: ForwardConnect | undefined;
  stage.attack(
    onForward((forward) => {
      request ??= { ...forward, message1: forward.message1?.slice() ?? null };
      return undefined;
    }),
  );
  const { owner, dialer } = await stage.attempt();
  stage.attack();
  if (request === undefined) throw new Error('nothing was forwarded');
  return { owner, dialer, request };
}

/** Sends a message 1 to the owner again and again; none may be taken. Then the owner serves as before. */
async function replayMany(stage: MatrixStage, change: (request: ForwardConnect) => ForwardConnect): Promise<void> {
  const { owner, dialer, request } = await recorded(stage);
  const asked = owner.asked.length;
  const [link] = stage.relay.ownerLinks;
  const codes = new Set<number | undefined>();
  for (let round = 0; round < 20; round++) {
    const streams = Array.from({ length: 50 }, () => link?.forward(change(request)));
    await stage.waitFor(() => streams.every((stream) => stream?.answer !== undefined), 'an answer to each');
    for (const stream of streams) codes.add(stream?.answer?.kind === MessageKind.REJECT ? stream.answer.code : -1);
    await stage.pass(50);
  }
  expect([...codes].filter((code) => code !== RelayCode.MALFORMED && code !== RelayCode.BUSY)).toEqual([]);
  expect(owner.asked.length).toBe(asked);
  await stage.pass(1_000);
  await stage.attempt({ owner, dialer, dial: { alpn: ['sealane/stream/1', 'again'] } });
  expect(owner.served.length).toBe(2);
}

/** The same message 1 on ten new links of the owner, a hundred times each: an answer, and never a session. */
async function replayOnNewLinks(stage: MatrixStage): Promise<void> {
  const { owner, dialer, request } = await recorded(stage);
  for (let round = 0; round < 10; round++) {
    stage.relay.ownerLinks[0]?.cut();
    await stage.waitFor(() => stage.relay.ownerLinks.length === 0, 'the link is gone');
    await stage.waitFor(() => stage.relay.ownerLinks.length === 1, 'another link');
    await stage.pass(50);
    const link = stage.relay.ownerLinks[0];
    const streams = Array.from({ length: 100 }, () => link?.forward(request));
    await stage.waitFor(() => streams.every((stream) => stream?.answer !== undefined), 'an answer to each');
    expect(streams.filter((stream) => stream?.answer?.kind === MessageKind.ACCEPT).length).toBe(1);
  }
  await stage.pass(12_000);
  expect(owner.served.length).toBe(1);
  await stage.attempt({ owner, dialer, dial: { alpn: ['sealane/stream/1', 'again'] } });
}

/** Changed copies of a message 1 to one owner, one for each number; gives the codes of the answers. */
async function injectEach(
  stage: MatrixStage,
  create: (message1: Uint8Array, index: number) => Uint8Array,
  count: (message1: Uint8Array) => number,
): Promise<void> {
  const { owner, request } = await recorded(stage);
  const asked = owner.asked.length;
  const [link] = stage.relay.ownerLinks;
  const { message1 } = request;
  if (message1 === null || link === undefined) throw new Error('no message 1');
  for (let index = 0; index < count(message1); index += 50) {
    const streams = Array.from({ length: Math.min(50, count(message1) - index) }, (_, at) =>
      link.forward({ ...request, connectionId: random(16), message1: create(message1.slice(), index + at) }),
    );
    await stage.waitFor(() => streams.every(({ answer }) => answer !== undefined), 'an answer to each');
    for (const { answer } of streams) {
      const code = answer?.kind === MessageKind.REJECT ? answer.code : -1;
      expect([RelayCode.MALFORMED, RelayCode.KEYCERT]).toContain(code);
    }
    await stage.pass(100);
  }
  expect(owner.asked.length).toBe(asked);
  expect(owner.served.length).toBe(1);
}

/** A dial for each changed message 2, until `change` has nothing more to do. */
async function sweepMessage2(
  stage: MatrixStage,
  change: (message2: Uint8Array, index: number) => Uint8Array | undefined,
  dial: { readonly accessSecret?: Uint8Array } = {},
): Promise<void> {
  const owner = await stage.owner(dial);
  const dialer = await stage.dialer();
  let index = 0;
  let isDone = false;
  stage.attack(
    changeMessage2((message2) => {
      const changed = change(message2, index);
      isDone = changed === undefined;
      return changed ?? message2;
    }),
  );
  for (; !isDone; index++) {
    const code = await stage.codeOf(dialer.client.dial(owner.listener.address, { ...dial, fresh: true }));
    if (!isDone) stage.note('dialer', code);
  }
  expect(index).toBeGreaterThan(250);
  await stage.pass(11_000);
  // The last one passed as it was, and confirmed.
  expect(owner.served.length).toBe(1);
  stage.note('owner', 'nothing');
}

/** The flow in which the handshake follows on the stream: the dialer does not know, the owner serves it. */
function messagesOnStream(
  change: (bytes: Uint8Array, streamId: number) => readonly Uint8Array[] = (bytes) => [bytes],
): (frame: SeenFrame) => ReturnType<typeof dataFrames> | undefined {
  let message1: Uint8Array | undefined;
  const reader = new HandshakeReader();
  let isAnswered = false;
  return (frame) => {
    const { request, message, link, streamId } = frame;
    if (request?.kind === OpenKind.CONNECT && request.message1 !== null) {
      message1 = request.message1.slice();
      return [requestFrame(frame, { ...request, message1: null })];
    }
    if (message1 === undefined || link.isOwners || frame.way === 'up') return undefined;
    if (message?.kind === MessageKind.ACCEPT) {
      for (const piece of change(encodeHandshakeMessage(message1), streamId)) {
        for (const data of dataFrames(streamId, piece)) link.toRelay(data);
      }
      return [];
    }
    if (frame.data.length === 0 || isAnswered) return undefined;
    const read = reader.push(frame.data);
    if (read === undefined) return [];
    isAnswered = true;
    const accept = { kind: MessageKind.ACCEPT, message2: read.message.slice(), resume: null } as const;
    return [messageFrame(streamId, accept), ...dataFrames(streamId, read.rest.slice())];
  };
}

/** Message 1 on the stream, cut after every length: the stream ends there, or nothing more comes. */
async function cutOnStream(stage: MatrixStage): Promise<void> {
  const { owner, dialer, request } = await recorded(stage);
  const [link] = stage.relay.ownerLinks;
  if (link === undefined || request.message1 === null) throw new Error('no message 1');
  const bytes = encodeHandshakeMessage(request.message1);
  const asked = owner.asked.length;
  for (let length = 0; length < bytes.length; length += 100) {
    const streams = Array.from({ length: Math.min(100, bytes.length - length) }, () =>
      link.forward({ ...request, connectionId: random(16), message1: null }),
    );
    await stage.waitFor(() => streams.every(({ answer }) => answer?.kind === MessageKind.ACCEPT), 'ACCEPT');
    for (const [at, stream] of streams.entries()) stream.write(bytes.slice(0, length + at), at % 2 === 0);
    await stage.pass(100);
    await stage.waitFor(() => streams.every((stream) => stream.isFinished || stream.resetCode !== undefined), 'an end');
    expect(streams.some(({ data }) => data.length > 0)).toBe(false);
  }
  expect(owner.asked.length).toBe(asked);
  await stage.attempt({ owner, dialer, dial: { alpn: ['sealane/stream/1', 'again'] } });
}

async function withForged(
  stage: MatrixStage,
  forge: (parts: {
    owner: ReturnType<typeof parseKeycert>;
    mallory: Credential;
    victim: Credential;
  }) => Omit<Parameters<typeof forgeHello>[0], 'connectionId' | 'owner'>,
): Promise<string[]> {
  const mallory = await Credential.create();
  const owner = await stage.owner();
  const dialer = await stage.dialer();
  const keycert = parseKeycert(owner.credential.keycert);
  const parts = forge({ owner: keycert, mallory, victim: dialer.credential });
  stage.attack(changeMessage1((_, { connectionId }) => forgeHello({ owner: keycert, connectionId, ...parts })));
  await stage.attempt({ owner, dialer });
  return owner.asked.map((id) => (id === mallory.id ? 'the relay' : 'another'));
}

function keyOf(credential: Credential): { secret: Uint8Array; publicKey: Uint8Array } {
  const key = credential.handshakeKey(1);
  if (key === undefined) throw new Error('no key');
  return key;
}

const ephemeralAt1 = 5;
const lowOrderKeys = ['00'.repeat(32), `01${'00'.repeat(31)}`].map((hex) => new Uint8Array(Buffer.from(hex, 'hex')));
const withKey = (message: Uint8Array, at: number, key: Uint8Array): Uint8Array => {
  message.set(key, at);
  return message;
};

/** Two dials at once, and what happens to both their messages 2. */
async function crossMessages2(stage: MatrixStage): Promise<void> {
  const owner = await stage.owner();
  const dialers = [await stage.dialer(), await stage.dialer()];
  const held: { frame: SeenFrame; message2: Uint8Array }[] = [];
  stage.attack(
    onMessage(MessageKind.ACCEPT, ({ message2 }, frame) => {
      if (frame.way === 'up' || message2 === null) return undefined;
      held.push({ frame, message2: message2.slice() });
      const [first, second] = held;
      if (first === undefined || second === undefined) return [];
      for (const [{ frame: to }, from] of [
        [first, second],
        [second, first],
      ] as const) {
        to.link.toClient(
          messageFrame(to.streamId, { kind: MessageKind.ACCEPT, message2: from.message2, resume: null }),
        );
      }
      return [];
    }),
  );
  await Promise.all(dialers.map((dialer) => stage.exchange(dialer, owner.listener.address)));
  await stage.noteOwner(owner);
}

const ownService = (stage: MatrixStage, owner: Owner): Promise<Owner> =>
  stage.listen(owner.client, owner.credential, { service: 'admin' });

const secret = { accessSecret: random(32) };

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

function lowerSuite(): MatrixCase[] {
  const allowed = [Suite.HYBRID, Suite.CLASSICAL];
  const lower = (message: Uint8Array): Uint8Array => {
    message[0] = Suite.CLASSICAL;
    return message;
  };
  const suite: readonly End[] = ['ERR_E2EE_SUITE'];
  const attempt = (attack: Attack, suites?: readonly Suite[]) => {
    return async (stage: MatrixStage): Promise<void> => {
      stage.attack(attack);
      const more = suites === undefined ? {} : { suites };
      await stage.attempt({ listen: more, dial: more });
    };
  };
  return [
    { attack: 'lowers the suite of message 1', ends: refused, run: attempt(changeMessage1(lower)) },
    {
      attack: 'lowers the suite of message 1 where both sides would allow it',
      ends: refused,
      run: attempt(changeMessage1(lower), allowed),
    },
    {
      attack: 'lowers the suite of message 2',
      ends: { dialer: suite, owner: ['nothing'] },
      run: attempt(changeMessage2(lower)),
    },
    {
      attack: 'lowers the suite of message 2 and leaves the KEM ciphertext out, where both sides would allow it',
      ends: { dialer: suite, owner: ['nothing'] },
      run: attempt(
        changeMessage2((message2) => Buffer.concat([Uint8Array.of(Suite.CLASSICAL), message2.slice(1 + KEM_BYTES)])),
        allowed,
      ),
    },
    {
      attack: 'refuses with every code, so that the dialer may try a lesser suite: it never does',
      ends: { owner: ['nothing'] },
      onlyVirtual: true,
      run: async (stage) => {
        const owner = await stage.owner({ suites: allowed });
        const dialer = await stage.dialer();
        const used = new Set<number | undefined>();
        for (let code = 0; code <= 30; code++) {
          stage.attack(
            onConnect(({ message1 }) => void used.add(message1?.[0])),
            onMessage(MessageKind.ACCEPT, (_, { way }) =>
              way === 'down' ? [{ kind: MessageKind.REJECT, code, keycert: null, text: '' }] : undefined,
            ),
          );
          await stage.errorOf(dialer.client.dial(owner.listener.address, { suites: allowed }));
        }
        expect([...used]).toEqual([Suite.HYBRID]);
        await stage.noteOwner(owner);
      },
    },
    {
      attack: 'lowers the suite of message 1 where an access secret is set',
      ends: refused,
      run: async (stage) => {
        stage.attack(changeMessage1(lower));
        await stage.attempt({ listen: secret, dial: secret });
      },
    },
  ];
}
