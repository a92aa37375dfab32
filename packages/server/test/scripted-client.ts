import { blake2b } from '@sealane/crypto';
import { Credential, parseNodecert, SigningKey } from '@sealane/crypto/credential';
import { assertSignature, SignatureLabel } from '@sealane/crypto/signature';
import { MemoryBudget, Mux, type MuxStream, type StreamHandler } from '@sealane/mux';
import {
  type Auth,
  appendSignature,
  type ControlMessage,
  decodeForward,
  decodeMessage,
  encodeAuthUnsigned,
  encodeFrame,
  encodeLease,
  encodeMessage,
  encodeOpen,
  type ForwardRequest,
  forEachFrame,
  type Hello,
  type Lease,
  signedBytes,
} from '@sealane/protocol';
import {
  type Clock,
  FrameType,
  type LinkEnd,
  MessageKind,
  type MessageLink,
  MuxLimit,
  OpenKind,
  ProtocolSize,
  ResetCode,
} from '@sealane/types';

export interface Signer {
  readonly publicKey: Uint8Array;
  sign(label: SignatureLabel, ...parts: readonly Uint8Array[]): Uint8Array;
}

export interface ClientOptions {
  readonly signer?: Signer;
  readonly authority?: string;
  /** Changes AUTH after it was signed, or the signature itself. */
  readonly tamper?: (body: Uint8Array) => Uint8Array;
  /** Does not answer HELLO by itself. */
  readonly isSilent?: boolean;
  readonly maxStreams?: number;
  readonly initialWindow?: number;
  /** LinkFeature bits that AUTH offers; all by default. */
  readonly features?: number;
}

/** What one stream of a scripted client saw. */
export class SeenStream implements StreamHandler {
  readonly chunks: Uint8Array[] = [];
  /** Larger chunks are only counted. */
  keptBytes = 4_096;
  bytes = 0;
  fin = false;
  resetCode: number | undefined;
  answer: ControlMessage | undefined;
  /** Returns credit at once; set to false for a receiver that does not read. */
  reads = true;
  stream: MuxStream | undefined;

  onData(chunk: Uint8Array, fin: boolean): void {
    this.bytes += chunk.length;
    if (chunk.length > 0 && chunk.length <= this.keptBytes) this.chunks.push(chunk.slice());
    if (fin) this.fin = true;
    if (this.reads && chunk.length > 0) this.stream?.consume(chunk.length);
  }

  onReset(_error: unknown, code: number): void {
    this.resetCode = code;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}

/** A client that does what a test tells it, right or wrong, over any message link. */
export class ScriptedClient {
  readonly signer: Signer;
  readonly link: MessageLink;
  readonly messages: ControlMessage[] = [];
  readonly forwards: { readonly request: ForwardRequest; readonly seen: SeenStream; readonly stream: MuxStream }[] = [];
  hello: Hello | undefined;
  end: LinkEnd | undefined;
  /** Answers PING and reads; set to false for a client that stands still. */
  isAlive = true;
  readonly #clock: Clock;
  readonly #options: ClientOptions;
  readonly #waiters = new Set<() => void>();
  #helloHash: Uint8Array | undefined;
  #mux: Mux | undefined;
  #request = 0;

  constructor(link: MessageLink, clock: Clock, options: ClientOptions = {}) {
    this.link = link;
    this.signer = options.signer ?? SigningKey.create();
    this.#clock = clock;
    this.#options = options;
    link.start({
      onMessage: (message) => this.#receive(message),
      onDrain: () => this.flush(),
      onEnd: (end) => {
        this.end = end;
        this.#wake();
      },
    });
  }

  get isUp(): boolean {
    return this.#mux !== undefined;
  }

  get mux(): Mux {
    if (this.#mux === undefined) throw new Error('the client is not authenticated');
    return this.#mux;
  }

  /** Resolves once `condition` holds; for real sockets. */
  async until(condition: () => boolean, what = 'condition'): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`still not true: ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 100);
        const waiters = this.#waiters;
        function done(): void {
          clearTimeout(timer);
          waiters.delete(done);
          resolve();
        }
        waiters.add(done);
      });
    }
  }

  authBody(): Uint8Array {
    if (this.#helloHash === undefined) throw new Error('no HELLO yet');
    const auth: Omit<Auth, 'kind' | 'signature'> = {
      client: this.signer.publicKey,
      nonce: new Uint8Array(ProtocolSize.NONCE).fill(7),
      authority: this.#options.authority ?? 'relay.example:443',
      features: this.#options.features ?? 0xffff_ffff,
      initialWindow: this.#options.initialWindow ?? MuxLimit.initialWindowBytes,
      maxStreams: this.#options.maxStreams ?? 1_024,
    };
    const unsigned = encodeAuthUnsigned(auth);
    const body = appendSignature(unsigned, this.signer.sign(SignatureLabel.AUTH, this.#helloHash, unsigned));
    return this.#options.tamper?.(body) ?? body;
  }

  sendRaw(message: Uint8Array): void {
    this.link.send(message);
  }

  nextRequest(): number {
    return ++this.#request;
  }

  send(message: ControlMessage, stream: MuxStream | 0 = 0): void {
    this.mux.sendMessage(stream, encodeMessage(message));
    this.flush();
  }

  /** A lease of this client's identity; its signature is right unless `signature` is given. */
  register(
    relay: Uint8Array,
    lease: Partial<Lease> = {},
    options: { flags?: number; signature?: Uint8Array } = {},
  ): number {
    const { signer } = this;
    if (!(signer instanceof Credential)) throw new Error('only an identity has leases');
    const request = this.nextRequest();
    const bytes = encodeLease({
      audience: relay,
      keycert: signer.keycert,
      service: '',
      instance: new Uint8Array(16).fill(1),
      sequence: 1,
      ttlMs: 60_000,
      name: null,
      alpn: null,
      suites: [2],
      flags: 0,
      metadata: new Uint8Array(0),
      ...lease,
    });
    const signature = options.signature ?? signer.sign(SignatureLabel.LEASE, bytes);
    this.send({ kind: MessageKind.REGISTER, request, flags: options.flags ?? 0, lease: bytes, signature });
    return request;
  }

  connect(
    owner: Uint8Array,
    service = '',
    message1: Uint8Array | null = null,
  ): { seen: SeenStream; stream: MuxStream } {
    const seen = new SeenStream();
    const open = encodeOpen({
      kind: OpenKind.CONNECT,
      owner,
      service,
      connectionId: new Uint8Array(16).fill(9),
      message1,
    });
    const stream = this.mux.openStream(open, seen);
    seen.stream = stream;
    this.flush();
    return { seen, stream };
  }

  /** The answer to a request, if it came. */
  answerTo(request: number): ControlMessage | undefined {
    return this.messages.find((message) => 'request' in message && message.request === request);
  }

  /** Codes of ERROR, in order. */
  get errorCodes(): number[] {
    return this.messages.flatMap((message) => (message.kind === MessageKind.ERROR ? [message.code] : []));
  }

  accept(index: number, message2: Uint8Array | null = null): SeenStream {
    const forward = this.forwards[index];
    if (forward === undefined) throw new Error(`there is no forwarded request ${index}`);
    this.send({ kind: MessageKind.ACCEPT, message2, resume: null }, forward.stream);
    return forward.seen;
  }

  flush(): void {
    for (
      let batch = this.#mux?.pull(ProtocolSize.MESSAGE);
      batch !== undefined;
      batch = this.#mux?.pull(ProtocolSize.MESSAGE)
    ) {
      this.link.send(new Uint8Array(Buffer.concat(batch.chunks)));
    }
  }

  #receive(message: Uint8Array): void {
    if (!this.isAlive) return;
    if (this.#mux !== undefined) this.#mux.receive(message);
    else this.#receiveEarly(message);
    this.flush();
    this.#wake();
  }

  #receiveEarly(message: Uint8Array): void {
    const limits = { maxDataBytes: 0, maxOpenBytes: 0, maxMessageBytes: ProtocolSize.CONTROL };
    forEachFrame(message, limits, (frame) => {
      const decoded = decodeMessage(frame.body);
      if (decoded.kind === MessageKind.HELLO) {
        this.hello = decoded;
        this.#helloHash = blake2b(32, frame.body);
        if (this.#options.isSilent !== true) this.sendRaw(encodeFrame(FrameType.MESSAGE, 0, 0, this.authBody()));
      } else {
        this.messages.push(decoded);
        if (decoded.kind === MessageKind.AUTH_OK) this.#start(decoded.signature, frame.body);
      }
    });
  }

  #start(signature: Uint8Array, body: Uint8Array): void {
    const { hello } = this;
    if (hello === undefined || this.#helloHash === undefined) throw new Error('AUTH_OK before HELLO');
    const { nodeKey } = parseNodecert(hello.nodecert);
    const authHash = blake2b(32, this.authBody());
    assertSignature(SignatureLabel.AUTH_OK, nodeKey, signature, this.#helloHash, authHash, signedBytes(body));
    this.#mux = new Mux({
      role: 'opener',
      clock: this.#clock,
      budget: new MemoryBudget(1 << 28),
      maxBodyBytes: ProtocolSize.OUTER_DATA,
      maxOpenBytes: ProtocolSize.CONTROL,
      receiveWindowBytes: this.#options.initialWindow ?? MuxLimit.initialWindowBytes,
      maxReceiveWindowBytes: MuxLimit.maxOuterWindowBytes,
      sendWindowBytes: this.hello?.limits.initialWindow ?? MuxLimit.initialWindowBytes,
      maxInboundStreams: this.#options.maxStreams ?? 1_024,
      maxOutboundStreams: this.hello?.limits.maxStreams ?? 1_024,
      allowMessages: true,
      handler: {
        onWritable: () => queueMicrotask(() => this.flush()),
        onOpen: (stream, open) => {
          const seen = new SeenStream();
          seen.stream = stream;
          stream.handler = seen;
          this.forwards.push({ request: decodeForward(open), seen, stream });
        },
        onMessage: (_streamId, stream, body) => {
          const decoded = decodeMessage(body.slice());
          if (stream?.handler instanceof SeenStream) stream.handler.answer = decoded;
          else this.messages.push(decoded);
        },
      },
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }
}

/** RESET code of a stream that its relay refused. */
export const REFUSED: number = ResetCode.REFUSED;
