import type { MuxStream } from '@sealane/mux';
import { forEachFrame } from '@sealane/protocol';
import type { SimulatedLink } from '@sealane/testkit';
import { FrameFlag, FrameType, ProtocolSize } from '@sealane/types';
import type { RelayLimits } from '../src/limits.js';
import { type ClientLinkOptions, createRelayInMemory, type RelayInMemory } from './relay-in-memory.js';
import type { ClientOptions, ScriptedClient, SeenStream } from './scripted-client.js';

const frameLimits = { maxDataBytes: 1 << 20, maxOpenBytes: 1 << 16, maxMessageBytes: ProtocolSize.CONTROL };

/** One message of the relay to the owner: what one turn of its link took. */
export interface Turn {
  readonly bytes: number;
  /** Bytes of frames that are no DATA. */
  readonly controlBytes: number;
  /** By stream of the owner's link, in their order. */
  readonly data: readonly { readonly streamId: number; readonly bytes: number; readonly isOpen: boolean }[];
}

export interface Session {
  /** The dialer's end. */
  readonly stream: MuxStream;
  readonly seen: SeenStream;
  /** The owner's. */
  readonly ownerStream: MuxStream;
  readonly ownerSeen: SeenStream;
}

export interface Dialer {
  readonly client: ScriptedClient;
  readonly link: SimulatedLink;
  readonly sessions: Session[];
}

/** A relay, one owner whose link takes so many bytes a millisecond, and dialers, in virtual time. */
export class FairnessStage {
  readonly harness: RelayInMemory;
  /** What the relay gave to the owner's link, in order. */
  readonly turns: Turn[] = [];
  owner!: ScriptedClient;
  ownerFar!: SimulatedLink;
  ownerKey!: Uint8Array;
  #answered = 0;

  private constructor(harness: RelayInMemory) {
    this.harness = harness;
  }

  static async create(ownerBytesPerMs: number, limits: Partial<RelayLimits> = {}): Promise<FairnessStage> {
    const stage = new FairnessStage(
      await createRelayInMemory({
        limits: {
          connectCpuShare: 1,
          waitingAcceptsPerLease: 2_000,
          connectsPerLeasePerSecond: 100_000,
          connectsPerIdentityPerSecond: 100_000,
          sessionsPerIdentity: 5_000,
          streamsPerLink: 5_000,
          ...limits,
        },
      }),
    );
    const { client, far, credential } = await stage.harness.owner(
      { maxStreams: 5_000 },
      { bytesPerMs: ownerBytesPerMs, tap: { onSend: (message) => stage.turns.push(readTurn(message)) } },
    );
    stage.owner = client;
    stage.ownerFar = far;
    stage.ownerKey = credential.publicKey;
    client.register(stage.harness.key);
    await stage.pass(5);
    return stage;
  }

  async pass(ms: number): Promise<void> {
    await this.harness.pass(ms);
  }

  /** A client with so many accepted sessions to the owner. */
  async dialer(sessions: number, options?: ClientOptions, onLink?: ClientLinkOptions): Promise<Dialer> {
    const { client, link } = await this.harness.connect(options, onLink);
    const dialer: Dialer = { client, link, sessions: [] };
    await this.dial(dialer, sessions);
    return dialer;
  }

  async dial(dialer: Dialer, sessions: number): Promise<void> {
    const before = this.owner.forwards.length;
    const dialed = Array.from({ length: sessions }, () => dialer.client.connect(this.ownerKey));
    while (this.owner.forwards.length < before + sessions) await this.pass(1);
    for (const [index, { stream, seen }] of dialed.entries()) {
      const ownerSeen = this.owner.accept(before + index);
      this.#answered = before + index + 1;
      const ownerStream = ownerSeen.stream;
      if (ownerStream === undefined) throw new Error('no stream');
      dialer.sessions.push({ stream, seen, ownerStream, ownerSeen });
    }
    while (dialed.some(({ seen }) => seen.answer === undefined)) await this.pass(1);
  }

  /** The owner takes whatever was asked of it and not answered. */
  answerAll(): void {
    while (this.#answered < this.owner.forwards.length) this.owner.accept(this.#answered++);
  }

  /** Bytes of the sessions of a dialer that left the relay in the turns from `from` on. */
  sentBytes(dialer: Dialer, from = 0): number {
    const own = new Set(dialer.sessions.map(({ ownerStream }) => ownerStream.id));
    return this.turns.slice(from).reduce((sum, { data }) => sum + bytesOf(data, own), 0);
  }

  /** The same for one session. */
  sessionBytes({ ownerStream }: Session, from = 0): number {
    const own = new Set([ownerStream.id]);
    return this.turns.slice(from).reduce((sum, { data }) => sum + bytesOf(data, own), 0);
  }
}

/** Bytes of these streams. */
export function bytesOf(data: Turn['data'], streams: ReadonlySet<number>): number {
  return data.reduce((sum, { streamId, bytes }) => sum + (streams.has(streamId) ? bytes : 0), 0);
}

export function readTurn(message: Uint8Array): Turn {
  const data: { streamId: number; bytes: number; isOpen: boolean }[] = [];
  let controlBytes = 0;
  forEachFrame(message, frameLimits, ({ type, flags, streamId, body }) => {
    const isOpen = (flags & FrameFlag.OPEN) !== 0;
    if (type === FrameType.DATA) data.push({ streamId, bytes: body.length, isOpen });
    else controlBytes += body.length + 9;
  });
  return { bytes: message.length, controlBytes, data };
}
