import { blake2b } from '@sealane/crypto';
import { Credential, createNodecert, SigningKey } from '@sealane/crypto/credential';
import { SignatureLabel } from '@sealane/crypto/signature';
import { MemoryBudget, Mux, type MuxStream } from '@sealane/mux';
import {
  appendSignature,
  type ControlMessage,
  decodeLease,
  decodeMessage,
  decodeOpen,
  encodeAuthOkUnsigned,
  encodeForward,
  encodeFrame,
  encodeMessage,
  type ForwardConnect,
  type ForwardRequest,
  type ForwardResume,
  forEachFrame,
  type Lease,
} from '@sealane/protocol';
import { createLinkPair, type LinkPairOptions, type SimulatedLink, type VirtualClock } from '@sealane/testkit';
import {
  FrameType,
  isSealaneError,
  LeaseFlag,
  MessageKind,
  type MessageLink,
  MuxLimit,
  OpenKind,
  ProtocolSize,
  RelayCode,
  ResetCode,
  SealaneError,
} from '@sealane/types';
import type { TransportFactory } from '../../src/index.js';

export interface ScriptedRelayOptions {
  readonly pair?: LinkPairOptions;
  /** Changes what the relay is about to say; undefined says nothing. */
  onAnswer?: (answer: ControlMessage, to: RelaySide) => ControlMessage | undefined;
  /** Changes a request on its way to the owner; several are forwarded one by one, none is refused. */
  onForward?: (forward: ForwardConnect) => readonly ForwardConnect[];
  /** As `onForward`, for RESUME. Nothing to forward leaves it to the test, which has `path.dialer` to answer on. */
  onResume?: (forward: ForwardResume, path: RelayedPath) => readonly ForwardResume[];
  /** Changes a message of one client on its way to the other. */
  onStreamMessage?: (message: ControlMessage, path: RelayedPath) => ControlMessage | undefined;
  /** Changes the bytes of records. */
  onData?: (chunk: Uint8Array, from: 'dialer' | 'owner', path: RelayedPath) => Uint8Array | undefined;
  /** Another node key than the one of the nodecert signs AUTH_OK. */
  readonly authKey?: SigningKey;
  readonly nodecert?: Uint8Array;
  readonly ttlMs?: number;
  /** First window of each stream towards the relay. */
  readonly initialWindow?: number;
  /** Largest message that HELLO allows. */
  readonly maxMessage?: number;
  /** LinkFeature bits in HELLO, and in AUTH_OK if others are claimed there. */
  readonly features?: number;
  readonly featuresInUse?: number;
  /** Takes links and never says a word; or HELLO, and nothing after it. */
  readonly isSilent?: boolean;
  readonly isSilentAfterHello?: boolean;
  /** Takes records and gives no credit back. */
  readonly keepsCredit?: boolean;
}

/** One link as the relay sees it. */
export interface RelaySide {
  readonly link: SimulatedLink;
  readonly client: Uint8Array;
  readonly mux: Mux;
}

/** One end of a relayed stream, as the relay has it. */
export interface PathEnd {
  readonly side: RelaySide;
  readonly stream: MuxStream;
}

/** What the relay has joined, or was asked to. */
export interface RelayedPath {
  /** From 0, in the order in which they were asked for. */
  readonly index: number;
  readonly dialer: PathEnd;
  owner: PathEnd | undefined;
  /** Every byte of records that came, before anything was changed. */
  readonly seen: { readonly dialer: Uint8Array[]; readonly owner: Uint8Array[] };
}

interface HeldLease {
  readonly lease: Lease;
  /** As it was registered. */
  readonly signed: { readonly lease: Uint8Array; readonly signature: Uint8Array };
  readonly side: RelaySide;
}

/** A relay in memory that does what a test says, and otherwise what a relay does. Its time is the test's. */
export class ScriptedRelay {
  readonly identity: Credential;
  readonly nodeKey: SigningKey = SigningKey.create();
  readonly options: ScriptedRelayOptions;
  /** Every control message that clients sent on stream 0, in order. */
  readonly requests: ControlMessage[] = [];
  readonly leases = new Map<string, HeldLease>();
  readonly sides: RelaySide[] = [];
  readonly links: SimulatedLink[] = [];
  readonly paths: RelayedPath[] = [];
  /** Every RESUME that came, as it came. */
  readonly resumes: ForwardResume[] = [];
  /** An error: with that. */
  refusesLinks: boolean | SealaneError = false;
  /** Proves nothing that fits its HELLO. */
  isImpostor = false;
  readonly #clock: VirtualClock;
  readonly #budget = new MemoryBudget(1 << 28);

  private constructor(clock: VirtualClock, identity: Credential, options: ScriptedRelayOptions) {
    this.#clock = clock;
    this.identity = identity;
    this.options = options;
  }

  static async create(clock: VirtualClock, options: ScriptedRelayOptions = {}): Promise<ScriptedRelay> {
    return new ScriptedRelay(clock, await Credential.create(), options);
  }

  readonly transport: TransportFactory = () => {
    if (isSealaneError(this.refusesLinks)) return Promise.reject(this.refusesLinks);
    if (this.refusesLinks) return Promise.reject(new SealaneError('ERR_LINK_FAILED', undefined, { retryable: true }));
    const [client, relay] = createLinkPair(this.#clock, this.options.pair);
    this.links.push(relay);
    this.#serve(relay);
    return Promise.resolve(client as MessageLink);
  };

  /** Says something on stream 0 of a link. */
  say(side: RelaySide, message: ControlMessage): void {
    side.mux.sendMessage(0, encodeMessage(message));
  }

  /** Sends a message on one end of a path. */
  answer(end: PathEnd, message: ControlMessage): void {
    end.side.mux.sendMessage(end.stream, encodeMessage(message));
  }

  /** Asks an owner as for a dialer; its answers are kept. */
  askOwner(forward: ForwardRequest): { readonly messages: ControlMessage[]; readonly stream: MuxStream } {
    const { side } = this.leases.get('')!;
    const messages: ControlMessage[] = [];
    const onData = (chunk: Uint8Array): void => stream.consume(chunk.length);
    const handler = {
      onData,
      onReset: () => undefined,
      onStreamMessage: (said: ControlMessage) => messages.push(said),
    };
    const stream: MuxStream = side.mux.openStream(encodeForward(forward), handler);
    return { messages, stream };
  }

  /** Sends record bytes on one end of a path, also after the client has left it. */
  inject(end: PathEnd, bytes: Uint8Array): void {
    end.side.link.send(encodeFrame(FrameType.DATA, 0, end.stream.id, bytes));
  }

  /** Ends a path on both sides, as when its relay drops it. */
  cut(path: RelayedPath): void {
    path.dialer.stream.reset(ResetCode.GONE);
    path.owner?.stream.reset(ResetCode.GONE);
  }

  #serve(link: SimulatedLink): void {
    const node = this.options.nodecert ?? createNodecert(this.identity, 1, this.nodeKey.publicKey);
    const hello = encodeMessage({
      kind: MessageKind.HELLO,
      relay: this.identity.publicKey,
      nodecert: node,
      challenge: new Uint8Array(32).fill(7),
      features: this.options.features ?? 0,
      limits: {
        maxMessage: this.options.maxMessage ?? ProtocolSize.MESSAGE,
        maxData: ProtocolSize.OUTER_DATA,
        initialWindow: this.options.initialWindow ?? MuxLimit.initialWindowBytes,
        maxStreams: 4_096,
        leaseTtlMinMs: 10_000,
        leaseTtlMaxMs: 300_000,
        idleMs: 5_000,
      },
    });
    let side: RelaySide | undefined;
    link.start({
      onMessage: (message) => {
        if (side !== undefined) {
          side.mux.receive(message);
          return;
        }
        if (this.options.isSilentAfterHello === true) return;
        forEachFrame(message, { maxDataBytes: 0, maxOpenBytes: 0, maxMessageBytes: 8_192 }, (frame) => {
          side = this.#admit(link, hello, frame.body.slice());
        });
      },
      onDrain: () => undefined,
      onEnd: () => {
        for (const [service, held] of this.leases) if (held.side.link === link) this.leases.delete(service);
        side?.mux.close(new SealaneError('ERR_LINK_LOST'));
      },
    });
    if (this.options.isSilent !== true) link.send(encodeFrame(FrameType.MESSAGE, 0, 0, hello));
  }

  #admit(link: SimulatedLink, hello: Uint8Array, auth: Uint8Array): RelaySide {
    const message = decodeMessage(auth);
    if (message.kind !== MessageKind.AUTH) throw new Error('no AUTH');
    const { features: offered = 0, featuresInUse } = this.options;
    const features = featuresInUse ?? (offered & message.features) >>> 0;
    const unsigned = encodeAuthOkUnsigned({ features, linkId: new Uint8Array(8) });
    const key = this.isImpostor ? SigningKey.create() : (this.options.authKey ?? this.nodeKey);
    const signature = key.sign(SignatureLabel.AUTH_OK, blake2b(32, hello), blake2b(32, auth), unsigned);
    link.send(encodeFrame(FrameType.MESSAGE, 0, 0, appendSignature(unsigned, signature)));
    const flush = (): void => {
      for (let batch = mux.pull(100_000); batch !== undefined; batch = mux.pull(100_000)) {
        link.send(Buffer.concat(batch.chunks));
      }
    };
    const mux = new Mux({
      role: 'acceptor',
      clock: this.#clock,
      budget: this.#budget,
      maxBodyBytes: ProtocolSize.OUTER_DATA,
      maxOpenBytes: ProtocolSize.CONTROL,
      receiveWindowBytes: this.options.initialWindow ?? MuxLimit.initialWindowBytes,
      maxReceiveWindowBytes: MuxLimit.maxOuterWindowBytes,
      sendWindowBytes: message.initialWindow,
      maxInboundStreams: 4_096,
      maxOutboundStreams: message.maxStreams,
      allowMessages: true,
      handler: {
        onWritable: () => {
          this.#clock.schedule(0, flush);
        },
        onOpen: (stream, open) => this.#onOpen(side, stream, open),
        onMessage: (streamId, stream, body) => {
          if (streamId === 0) this.#onRequest(side, decodeMessage(body.slice()));
          else (stream?.handler as Spliced | undefined)?.onStreamMessage(decodeMessage(body.slice()));
        },
      },
    });
    const side: RelaySide = { link, client: message.client.slice(), mux };
    this.sides.push(side);
    return side;
  }

  #onRequest(side: RelaySide, message: ControlMessage): void {
    this.requests.push(message);
    const answer = this.#answer(side, message);
    if (answer === undefined) return;
    const said = this.options.onAnswer === undefined ? answer : this.options.onAnswer(answer, side);
    if (said !== undefined) this.say(side, said);
  }

  #answer(side: RelaySide, message: ControlMessage): ControlMessage | undefined {
    switch (message.kind) {
      case MessageKind.REGISTER: {
        const lease = decodeLease(message.lease);
        const signed = { lease: message.lease, signature: message.signature };
        this.leases.set(lease.service, { lease, signed, side });
        const { service, sequence, name } = lease;
        const ttlMs = this.options.ttlMs ?? lease.ttlMs;
        return { kind: MessageKind.REGISTERED, request: message.request, service, sequence, ttlMs, name };
      }
      case MessageKind.RENEW:
        return { kind: MessageKind.RENEWED, request: message.request, ttlMs: this.options.ttlMs ?? 60_000 };
      case MessageKind.RELEASE:
        this.leases.delete(message.service);
        return { kind: MessageKind.RELEASED, request: message.request };
      case MessageKind.LOOKUP: {
        const held = [...this.leases.values()].find(({ lease }) =>
          message.name === null ? lease.service === message.service : lease.name === message.name,
        );
        if (held === undefined) {
          return { kind: MessageKind.ERROR, request: message.request, code: RelayCode.NO_OWNER, text: '', value: null };
        }
        const { keycert, service, instance } = held.lease;
        return {
          kind: MessageKind.FOUND,
          request: message.request,
          id: keycert.subarray(0, 32),
          service,
          keycert,
          instance,
        };
      }
      case MessageKind.LIST: {
        // One entry a page; the cursor is its place.
        const held = [...this.leases.values()].filter(({ lease }) => (lease.flags & LeaseFlag.PUBLIC) !== 0);
        const at = message.cursor?.[0] ?? 0;
        const entries = held.slice(at, at + 1).map(({ signed }) => ({ ...signed, expiresInMs: 60_000 }));
        const next = at + 1 < held.length ? new Uint8Array([at + 1]) : null;
        return { kind: MessageKind.LISTED, request: message.request, entries, next };
      }
      default:
        return undefined;
    }
  }

  #onOpen(side: RelaySide, stream: MuxStream, open: Uint8Array): void {
    const request = decodeOpen(open);
    const owner = this.leases.get(request.service)?.side;
    const seen = { dialer: [], owner: [] };
    const path: RelayedPath = { index: this.paths.length, dialer: { side, stream }, owner: undefined, seen };
    this.paths.push(path);
    stream.handler = new Spliced(this, path, 'dialer', undefined);
    if (request.kind === OpenKind.RESUME) {
      const forward: ForwardResume = { ...request, dialer: null, ...copiesOf(request) };
      this.resumes.push(forward);
      const forwards = this.options.onResume?.(forward, path) ?? [forward];
      if (forwards.length === 0) return;
      if (owner !== undefined) {
        this.#forward(path, owner, forwards.map(encodeForward));
        return;
      }
    }
    if (request.kind !== OpenKind.CONNECT || owner === undefined) {
      const code = request.kind === OpenKind.CONNECT ? RelayCode.NO_OWNER : RelayCode.NO_SESSION;
      this.answer(path.dialer, { kind: MessageKind.REJECT, code, keycert: null, text: '' });
      stream.end();
      return;
    }
    const forward: ForwardConnect = { ...request, dialer: null };
    this.#forward(path, owner, (this.options.onForward?.(forward) ?? [forward]).map(encodeForward));
  }

  #forward(path: RelayedPath, owner: RelaySide, bodies: readonly Uint8Array[]): void {
    const { stream, side } = path.dialer;
    for (const [index, body] of bodies.entries()) {
      const toDialer = new Spliced(this, path, 'owner', index === 0 ? { stream, mux: side.mux } : undefined);
      const ownerStream = owner.mux.openStream(body, toDialer);
      toDialer.own = ownerStream;
      if (index > 0) continue;
      path.owner = { side: owner, stream: ownerStream };
      const toOwner = new Spliced(this, path, 'dialer', { stream: ownerStream, mux: owner.mux });
      toOwner.own = stream;
      stream.handler = toOwner;
    }
    if (bodies.length === 0) stream.reset(ResetCode.REFUSED);
  }
}

/** Of what are views of a message. */
function copiesOf({
  owner,
  instance,
  resumeId,
  sealed,
}: Pick<ForwardResume, 'owner' | 'instance' | 'resumeId' | 'sealed'>) {
  return { owner: owner.slice(), instance: instance.slice(), resumeId: resumeId.slice(), sealed: sealed.slice() };
}

/** One direction of a relayed stream. */
class Spliced {
  own: MuxStream | undefined;
  readonly #relay: ScriptedRelay;
  readonly #path: RelayedPath;
  readonly #from: 'dialer' | 'owner';
  readonly #to: { readonly stream: MuxStream; readonly mux: Mux } | undefined;

  constructor(
    relay: ScriptedRelay,
    path: RelayedPath,
    from: 'dialer' | 'owner',
    to: { readonly stream: MuxStream; readonly mux: Mux } | undefined,
  ) {
    this.#relay = relay;
    this.#path = path;
    this.#from = from;
    this.#to = to;
  }

  onStreamMessage(message: ControlMessage): void {
    const { onStreamMessage } = this.#relay.options;
    const said = onStreamMessage === undefined ? message : onStreamMessage(message, this.#path);
    if (said !== undefined) this.#to?.mux.sendMessage(this.#to.stream, encodeMessage(said));
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (this.#relay.options.keepsCredit !== true) this.own?.consume(chunk.length);
    if (chunk.length > 0) this.#path.seen[this.#from].push(chunk.slice());
    const { onData } = this.#relay.options;
    const bytes = onData === undefined ? chunk : onData(chunk, this.#from, this.#path);
    if (bytes !== undefined && bytes.length > 0) this.#to?.stream.write(bytes.slice());
    if (fin) this.#to?.stream.end();
  }

  onReset(_error: unknown, code: number): void {
    this.#to?.stream.reset(code);
  }
}
