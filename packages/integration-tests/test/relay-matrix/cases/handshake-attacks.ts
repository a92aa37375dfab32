import { Credential, parseKeycert } from '@sealane/crypto/credential';
import {
  type Attack,
  dataFrames,
  messageFrame,
  onForward,
  onMessage,
  requestFrame,
  type SeenFrame,
} from '@sealane/hostile-relay';
import { encodeHandshakeMessage, type ForwardConnect, HandshakeReader } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { MessageKind, OpenKind, RelayCode } from '@sealane/types';
import { expect } from 'vitest';
import { forgeHello } from '../../../../client/test/support/forged-hello.js';
import type { MatrixCase } from '../matrix-case.js';
import type { Dialer, MatrixStage, Owner } from '../matrix-stage.js';
export const random = seededRandom(33);
export const KEM_BYTES = 1_088;
export const refused: MatrixCase['ends'] = { dialer: ['ERR_RELAY_MALFORMED'], owner: ['nothing'] };
export const damaged: MatrixCase['ends'] = { dialer: ['ERR_E2EE_DAMAGED'], owner: ['nothing'] };
export const asEver: MatrixCase['ends'] = { dialer: ['right bytes'], owner: ['right bytes'] };

export const changeMessage1 = (change: (message1: Uint8Array, request: ForwardConnect) => Uint8Array) =>
  onForward((request) =>
    request.message1 === null ? undefined : { ...request, message1: change(request.message1.slice(), request) },
  );

/** On its way to the dialer. */
export const changeMessage2 = (change: (message2: Uint8Array, frame: SeenFrame) => Uint8Array) =>
  onMessage(MessageKind.ACCEPT, (accept, frame) =>
    accept.message2 === null || frame.way === 'up'
      ? undefined
      : [{ ...accept, message2: change(accept.message2.slice(), frame) }],
  );

export const oneAttempt =
  (...attack: readonly Attack[]) =>
  async (stage: MatrixStage): Promise<void> => {
    stage.attack(...attack);
    await stage.attempt();
  };

/** The same for attacks that remember something. */
export const freshAttempt =
  (create: () => Attack) =>
  async (stage: MatrixStage): Promise<void> => {
    stage.attack(create());
    await stage.attempt();
  };

/** What the owner was asked in an exchange that nobody disturbed. */
export async function recorded(stage: MatrixStage): Promise<{ owner: Owner; dialer: Dialer; request: ForwardConnect }> {
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
export async function replayMany(
  stage: MatrixStage,
  change: (request: ForwardConnect) => ForwardConnect,
): Promise<void> {
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
export async function replayOnNewLinks(stage: MatrixStage): Promise<void> {
  const { owner, dialer, request } = await recorded(stage);
  for (let round = 0; round < 10; round++) {
    const [before] = stage.relay.ownerLinks;
    before?.cut();
    // The next one may be there at the same look at which this one is gone.
    const isAnother = (): boolean => stage.relay.ownerLinks.length === 1 && stage.relay.ownerLinks[0] !== before;
    await stage.waitFor(isAnother, 'another link');
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
export async function injectEach(
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
export async function sweepMessage2(
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
export function messagesOnStream(
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
export async function cutOnStream(stage: MatrixStage): Promise<void> {
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

export async function withForged(
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

export function keyOf(credential: Credential): { secret: Uint8Array; publicKey: Uint8Array } {
  const key = credential.handshakeKey(1);
  if (key === undefined) throw new Error('no key');
  return key;
}

export const ephemeralAt1 = 5;
export const lowOrderKeys = ['00'.repeat(32), `01${'00'.repeat(31)}`].map(
  (hex) => new Uint8Array(Buffer.from(hex, 'hex')),
);
export const withKey = (message: Uint8Array, at: number, key: Uint8Array): Uint8Array => {
  message.set(key, at);
  return message;
};

/** Two dials at once, and what happens to both their messages 2. */
export async function crossMessages2(stage: MatrixStage): Promise<void> {
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

export const secret = { accessSecret: random(32) };
