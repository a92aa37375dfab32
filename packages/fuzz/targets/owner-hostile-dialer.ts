import {
  allowAny,
  RelayClient,
  type RelayClientOptions,
  type SecureConnection,
  type SecureStream,
  type StatusEvent,
} from '@sealane/client';
import { parseKeycert } from '@sealane/crypto/credential';
import { DialerHandshake, type SessionKeys } from '@sealane/crypto/e2ee';
import { encodeHandshakeMessage, encodeOpen } from '@sealane/protocol';
import { type SeededRandom, seededRandom } from '@sealane/testkit';
import { MessageKind, OpenKind, RecordType, type ResetCode } from '@sealane/types';
import { SeenStream } from '../../server/test/scripted-client.js';
import { knownIdentities, parameters, prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';
import { RelayStage, type ScriptedEnd } from './support/relay-stage.js';

const localCodes = ['ERR_STREAM_BUSY', 'ERR_MUX_', 'ERR_ARGUMENT', 'ERR_E2EE_', 'ERR_NOISE_STATE'];

/**
 * A real owner behind a real relay, and a dialer that keeps no rule of the handshake or of records: whatever it does, the
 * owner keeps its link and its other session, takes nobody for a connection who did not confirm, and serves the next one.
 */
export const ownerHostileDialerTarget: Target = {
  name: 'owner-hostile-dialer',
  shape: { kind: 'bytes' },
  maxBytes: 200,
  weight: 4,
  prepare: prepareIdentities,
  seeds: () =>
    [
      // A right handshake inside CONNECT and one after it, with CONFIRM, records and an orderly end.
      '0000 0701 01 0501 0701 0400 0701',
      '0001 0701 0200 0701 01 0501 0701 0400',
      // Half messages, none, wrong ones, and none at all.
      '0002 0701 03000000 0701',
      '0001 0701 0303001000 0701',
      '0003 0701 0701',
      '0004 03020001 0701 0600',
      '0000 0701 0500 0701',
      '0000 0701 01 0502 0701 0503 0701',
      '0001 0701 0201 0701',
      '0000 0000 0000 07ff',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  async run(input) {
    const script = new Script(input);
    const { owner: credential } = knownIdentities();
    const stage = await RelayStage.create();
    const connect = (random: SeededRandom, options: RelayClientOptions = {}): Promise<RelayClient> =>
      until(
        stage,
        RelayClient.connect('ws://relay.test:80', {
          clock: stage.clock,
          transport: () => Promise.resolve(stage.link()),
          random,
          ...options,
        }),
      );
    let trouble: string | undefined;
    const owner = await connect(seededRandom(51), {
      credential,
      use: 'listen',
      onStatus: (event) => {
        const isLost = event.type === 'link' && event.state !== 'connecting' && event.state !== 'up';
        if (isLost || event.type === 'fault') trouble ??= describe(event);
      },
    });
    const listener = await until(stage, owner.listen({ accept: allowAny() }));
    const friend = await connect(seededRandom(52));
    const hostile = new HostileDialer(await stage.connect());
    const near = await until(stage, friend.openStream(listener.address));
    const connections = listener[Symbol.asyncIterator]();
    const { value: session } = await until(stage, connections.next());
    near.raw.write(Uint8Array.of(1, 2, 3));
    for (let step = 0; step < 24 && !script.isOver; step++) {
      await hostile.act(script, stage);
      await stage.pass(0);
      stage.check();
      assertRule(trouble === undefined, `a stranger costs the owner nothing: ${trouble}`);
    }
    await stage.pass(20);
    // The session of before goes on, and only who confirmed is a connection.
    const streams: AsyncIterator<SecureStream> = (session as SecureConnection)[Symbol.asyncIterator]();
    const far = await until(stage, streams.next());
    const read = await until(stage, (far.value as SecureStream).readable.getReader().read());
    assertSameBytes(read.value ?? new Uint8Array(0), Uint8Array.of(1, 2, 3), 'the session of another goes on');
    const again = await until(stage, friend.dial(listener.address, { fresh: true }));
    for (let strangers = 0; ; strangers++) {
      const { value } = await until(stage, connections.next());
      if (Buffer.compare(value!.channelBinding, again.channelBinding) === 0) break;
      assertRule(value!.peerId === knownIdentities().dialer.id, 'a connection is of who it says');
      assertRule(strangers < hostile.confirmed, 'who did not confirm is no connection');
    }
    trouble = undefined;
    hostile.end.link.abort();
    await until(stage, Promise.all([owner.close({ deadlineMs: 0 }), friend.close({ deadlineMs: 0 })]));
    await stage.finish([]);
  },
};

function describe(event: StatusEvent): string {
  return 'error' in event ? `${event.type} ${event.error?.code} ${event.error?.message}` : event.type;
}

async function until<T>(stage: RelayStage, promise: Promise<T>): Promise<T> {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  promise.then(
    (value) => {
      outcome = { value };
    },
    (error: unknown) => {
      outcome = { error };
    },
  );
  for (let passed = 0; outcome === undefined && passed < 3_000; passed++) await stage.pass(passed < 50 ? 1 : 10);
  if (outcome === undefined) throw new Error('virtual time brings nothing about');
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

interface Attempt {
  readonly seen: SeenStream;
  readonly handshake: DialerHandshake;
  keys: SessionKeys | undefined;
  seal: ReturnType<SessionKeys['createSealer']> | undefined;
  hasConfirmed: boolean;
}

class HostileDialer {
  readonly end: ScriptedEnd;
  /** Sessions that it confirmed rightly. */
  confirmed = 0;
  readonly #attempts: Attempt[] = [];
  #count = 0;

  constructor(end: ScriptedEnd) {
    this.end = end;
  }

  async act(script: Script, stage: RelayStage): Promise<void> {
    const { client } = this.end;
    const action = script.below(8);
    const attempt = this.#attempts.at(-1);
    if (action === 7) return await stage.pass(1 + script.u8() * 50);
    if (!client.isUp || client.end !== undefined) return;
    if (action === 0) this.#connect(script.below(6));
    else if (attempt !== undefined) accepted(localCodes, () => this.#go(action, attempt, script));
    client.flush();
  }

  #go(action: number, attempt: Attempt, script: Script): void {
    const { stream } = attempt.seen;
    if (stream === undefined) return;
    switch (action) {
      case 1:
        this.#confirm(attempt);
        return;
      case 2: {
        // Message 1 on the stream, right or with one byte changed.
        const message = messageOf(attempt);
        if (script.flag()) message[script.u16() % message.length]! ^= 1;
        stream.write(encodeHandshakeMessage(message));
        return;
      }
      case 3:
        stream.write(script.string().slice());
        return;
      case 4:
        stream.end();
        return;
      case 5: {
        const type = script.u8() & 0x47;
        const record = attempt.seal?.seal(type as RecordType, [script.string()]);
        if (record !== undefined) stream.write(record);
        return;
      }
      default:
        stream.reset(script.u8() as ResetCode);
    }
  }

  /** 0: message 1 inside, right. 1: none. 2: bytes. 3: for another connection id. 4: empty. 5: one that was sent before. */
  #connect(kind: number): void {
    const { owner, dialer } = knownIdentities();
    const handshake = DialerHandshake.create({
      credential: dialer,
      owner: parseKeycert(owner.keycert),
      service: '',
      alpn: ['sealane/stream/1'],
      suites: [2],
      parameters,
      random: seededRandom(1_000 + ++this.#count),
    });
    const before = this.#attempts.at(-1);
    const seen = new SeenStream();
    const attempt: Attempt = { seen, handshake, keys: undefined, seal: undefined, hasConfirmed: false };
    const inside = [
      messageOf(attempt),
      null,
      new Uint8Array(1_500).fill(2),
      messageOf(attempt),
      Uint8Array.of(2),
      before && messageOf(before),
    ][kind];
    const connectionId =
      kind === 3
        ? new Uint8Array(16).fill(this.#count)
        : (kind === 5 && before ? before : attempt).handshake.connectionId;
    const open = encodeOpen({
      kind: OpenKind.CONNECT,
      owner: owner.publicKey,
      service: '',
      connectionId,
      message1: inside ?? null,
    });
    const opened = accepted(localCodes, () => this.end.client.mux.openStream(open, seen));
    if (opened === undefined) return;
    seen.stream = opened;
    this.#attempts.push(attempt);
  }

  /** Message 2, wherever it came, and CONFIRM. */
  #confirm(attempt: Attempt): void {
    const { seen, handshake } = attempt;
    if (attempt.keys === undefined) {
      const { answer } = seen;
      const inside = answer?.kind === MessageKind.ACCEPT ? answer.message2 : null;
      const onStream = Buffer.concat(seen.chunks).subarray(3);
      const message2 = inside ?? (onStream.length > 1_000 ? onStream : undefined);
      if (message2 === undefined) return;
      attempt.keys = handshake.readMessage2(message2).keys;
      attempt.seal = attempt.keys.createSealer();
    }
    if (attempt.hasConfirmed || seen.stream === undefined || seen.stream.isClosed) return;
    const record = attempt.seal?.seal(RecordType.CONFIRM, [new Uint8Array(8)]);
    if (record === undefined) return;
    attempt.hasConfirmed = true;
    if (!seen.stream.isClosed) this.confirmed++;
    seen.stream.write(record);
  }
}

const messages = new WeakMap<DialerHandshake, Uint8Array>();

/** Message 1 is made once. */
function messageOf({ handshake }: Pick<Attempt, 'handshake'>): Uint8Array {
  const known = messages.get(handshake) ?? handshake.createMessage1();
  messages.set(handshake, known);
  return known.slice();
}
