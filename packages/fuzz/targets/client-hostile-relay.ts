import { allowAny, type SecureConnection, type SecureStream } from '@sealane/client';
import { type ControlMessage, encodeFrame, encodeMessage } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { FrameType, isSealaneError, MessageKind } from '@sealane/types';
import type { ScriptedRelayOptions } from '../../client/test/support/scripted-relay.js';
import { World } from '../../client/test/support/world.js';
import { knownIdentities, prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { assertRule, assertSameBytes } from '../src/violation.js';

/**
 * Two clients with a session through a relay that changes, repeats, swaps and makes up whatever it likes: streams carry the
 * right bytes or end with an error, everything that was asked has an answer, and nothing is left running.
 */
export const clientHostileRelayTarget: Target = {
  name: 'client-hostile-relay',
  shape: { kind: 'bytes' },
  maxBytes: 200,
  weight: 4,
  prepare: prepareIdentities,
  seeds: () =>
    [
      '00 0000 0140 0141 0a05 02 0a05 0302 0a40',
      '01 0000 0140 0a02 0a05 02 0a20',
      '02 0000 0148 0a02 0148 0a02 02 0a20',
      '04 0000 0a04 0000 0a40 0150 0a05',
      '00 0000 0140 0400 0a02 0501 02 0601 0a02 0700 0a10 0800',
      '08 0000 0a04 0501 0a04 0502 0a04',
      '10 0000 0a04 0503 0a02 0504 0901 0a04',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  async run(input) {
    const script = new Script(input);
    const lies = new Lies(script.u8());
    const world = await World.create(lies.options);
    const { owner: credential } = knownIdentities();
    const { client, listener } = await world.owner({ accept: allowAny() }, { credential, random: seededRandom(41) });
    const dialer = await world.client({ random: seededRandom(42) });
    const user = new User();
    user.serve(listener);
    lies.isOn = true;
    for (let step = 0; step < 24 && !script.isOver; step++) {
      switch (script.below(11)) {
        case 0:
          user.open(dialer.openStream(listener.address));
          break;
        case 1:
          user.write(script.u8() * 400);
          break;
        case 2:
          user.end();
          break;
        case 3:
          await world.pass(10 * (1 + script.u8()));
          break;
        case 4:
          user.ask(dialer.lookup(listener.id));
          break;
        case 5:
          tell(world, script, encodeFrame(FrameType.MESSAGE, 0, script.below(6), encodeMessage(anyMessage(script))));
          break;
        case 6: {
          const type = script.pick([
            FrameType.DATA,
            FrameType.RESET,
            FrameType.CREDIT,
            FrameType.GOAWAY,
            FrameType.PING,
            77,
          ]);
          tell(world, script, encodeFrame(type, script.below(4), script.below(6), script.string()));
          break;
        }
        case 7:
          world.relay.links[script.below(4)]?.abort();
          break;
        case 8:
          tell(world, script, script.string().slice());
          break;
        case 9:
          lies.isOn = !lies.isOn;
          break;
        default:
          await world.pass(10 + script.u8() * 2);
      }
    }
    await world.pass(200);
    user.check();
    lies.isOn = false;
    await world.until(Promise.all([dialer.close({ deadlineMs: 0 }), client.close({ deadlineMs: 0 })]), 120_000);
    await world.until(user.everything(), 120_000);
    user.check();
    assertRule(world.clock.pending < 12, `few timers are left: ${world.clock.pending}`);
  },
};

function tell(world: World, script: Script, message: Uint8Array): void {
  world.relay.links[script.below(4)]?.send(message);
}

/** What the relay does to everything that passes, chosen by bits. */
class Lies {
  isOn = false;
  readonly options: ScriptedRelayOptions;
  #count = 0;

  constructor(bits: number) {
    const every = (n: number): boolean => this.isOn && ++this.#count % n === 0;
    const last: { chunk?: Uint8Array } = {};
    this.options = {
      ...((bits & 1) === 0
        ? {}
        : {
            onData: (chunk) => {
              if (!every(3)) return chunk;
              const changed = chunk.slice();
              changed[chunk.length >> 1]! ^= 1;
              return changed;
            },
          }),
      ...((bits & 2) === 0
        ? {}
        : {
            onData: (chunk) => {
              const before = last.chunk;
              last.chunk = chunk.slice();
              return every(4) ? before : chunk;
            },
          }),
      ...((bits & 4) === 0
        ? {}
        : {
            onForward: (forward) => {
              if (!this.isOn) return [forward];
              const { message1 } = forward;
              const changed = message1?.slice() ?? null;
              if (changed !== null) changed[this.#count % changed.length]! ^= 1;
              return [this.#count++ % 2 === 0 ? forward : { ...forward, message1: changed }, forward];
            },
          }),
      ...((bits & 8) === 0
        ? {}
        : {
            onStreamMessage: (message) => {
              if (!every(2)) return message;
              if (message.kind !== MessageKind.ACCEPT || message.message2 === null) return undefined;
              const message2 = message.message2.slice();
              message2[this.#count % message2.length]! ^= 1;
              return { ...message, message2 };
            },
          }),
      ...((bits & 16) === 0 ? {} : { onAnswer: (answer) => (every(2) ? undefined : answer) }),
      ...((bits & 32) === 0 ? {} : { keepsCredit: true }),
    };
  }
}

function anyMessage(script: Script): ControlMessage {
  const request = 1 + (script.u8() % 8);
  const code = script.u8() % 26;
  const keycert = script.flag() ? knownIdentities().owner.keycert : new Uint8Array(132);
  return script.pick<ControlMessage>([
    { kind: MessageKind.ERROR, request: request - 1, code, text: 'no', value: request },
    { kind: MessageKind.REGISTERED, request, service: '', sequence: code, ttlMs: 1_000 * code + 1, name: null },
    { kind: MessageKind.RENEWED, request, ttlMs: 1_000 * code + 1 },
    { kind: MessageKind.RELEASED, request },
    { kind: MessageKind.SUPERSEDED, service: '', by: code === 0 ? 0 : 1 },
    {
      kind: MessageKind.FOUND,
      request,
      id: keycert.subarray(0, 32),
      service: '',
      keycert,
      instance: new Uint8Array(16),
    },
    { kind: MessageKind.ACCEPT, message2: script.flag() ? new Uint8Array(1_400).fill(code) : null, resume: null },
    { kind: MessageKind.REJECT, code, keycert: script.flag() ? keycert : null, text: 'no' },
    { kind: MessageKind.HELD },
    { kind: MessageKind.RELEASE, request, service: '', sequence: 1 },
  ]);
}

/** One stream: what its dialer wrote, and what the owner's side of it read. */
interface Talk {
  readonly number: number;
  stream: SecureStream | undefined;
  readonly written: Uint8Array[];
  isEnded: boolean;
}

/** The applications on both sides. Every stream begins with its number, so that bytes in a wrong stream are seen. */
class User {
  readonly #talks: Talk[] = [];
  readonly #heard: { readonly chunks: Uint8Array[]; end: string | undefined }[] = [];
  readonly #answers: Promise<unknown>[] = [];

  serve(listener: AsyncIterable<SecureConnection>): void {
    const streams = async (connection: SecureConnection): Promise<void> => {
      this.#answers.push(settled(connection.closed));
      for await (const stream of connection) this.#answers.push(this.#read(stream));
    };
    const connections = async (): Promise<void> => {
      for await (const connection of listener) this.#answers.push(settled(streams(connection)));
    };
    this.#answers.push(settled(connections()));
  }

  open(opening: Promise<SecureStream>): void {
    const talk: Talk = { number: this.#talks.length, stream: undefined, written: [], isEnded: false };
    this.#talks.push(talk);
    const begin = async (): Promise<void> => {
      const stream = await opening;
      talk.stream = stream;
      this.#answers.push(settled(stream.finished));
      this.#write(talk, Uint8Array.of(talk.number));
    };
    this.#answers.push(settled(begin()));
  }

  ask(question: Promise<unknown>): void {
    this.#answers.push(settled(question));
  }

  write(length: number): void {
    for (const talk of this.#talks)
      this.#write(talk, new Uint8Array(length).fill(talk.number * 17 + talk.written.length));
  }

  end(): void {
    for (const talk of this.#talks) {
      if (talk.stream === undefined) continue;
      talk.isEnded = true;
      talk.stream.raw.end();
    }
  }

  check(): void {
    for (const { chunks, end } of this.#heard) {
      const heard = Buffer.concat(chunks);
      const talk = this.#talks[heard[0] ?? -1];
      if (talk === undefined) {
        assertRule(heard.length === 0, 'what is read was written to this stream');
        continue;
      }
      const written = Buffer.concat(talk.written);
      assertSameBytes(heard, written.subarray(0, heard.length), 'what is read was written, in order');
      const isWhole = end !== 'end' || (talk.isEnded && heard.length === written.length);
      assertRule(isWhole, 'a stream that ended has its end, and all before it');
    }
  }

  async everything(): Promise<void> {
    for (let known = -1; known !== this.#answers.length; ) {
      known = this.#answers.length;
      await Promise.all(this.#answers);
    }
  }

  #write(talk: Talk, bytes: Uint8Array): void {
    const { stream } = talk;
    if (stream === undefined || talk.isEnded || stream.isClosed || bytes.length === 0) return;
    talk.written.push(bytes.slice());
    stream.raw.write(bytes);
  }

  async #read(stream: SecureStream): Promise<void> {
    const heard = { chunks: [] as Uint8Array[], end: undefined as string | undefined };
    this.#heard.push(heard);
    const reader = stream.readable.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        heard.chunks.push(value.slice());
      }
      heard.end = 'end';
    } catch (error) {
      assertTyped(error);
      heard.end = 'error';
    }
    stream.raw.end();
  }
}

function settled(promise: Promise<unknown>): Promise<void> {
  return promise.then(() => undefined, assertTyped);
}

function assertTyped(error: unknown): void {
  if (isSealaneError(error)) return;
  throw error;
}
