import { connect, type Socket } from 'node:net';
import { blake2b, loadCrypto } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import { SignatureLabel } from '@sealane/crypto/signature';
import {
  appendSignature,
  type ControlMessage,
  decodeMessage,
  encodeAuthUnsigned,
  encodeFrame,
  encodeLease,
  encodeMessage,
  encodeOpen,
  type Frame,
  forEachFrame,
  type Lease,
} from '@sealane/protocol';
import { encodeWebSocketFrame, WebSocketFramer } from '@sealane/testkit';
import { FrameFlag, FrameType, MessageKind, OpenKind, ProtocolSize } from '@sealane/types';

const BINARY = 2;
const CLOSE = 8;
const zeroMask = new Uint8Array(4);
const limits = { maxDataBytes: 70_000, maxOpenBytes: 8_192, maxMessageBytes: 8_192 };

type Named = Pick<HostileClient, 'credential'>;

interface ConnectDetails {
  readonly service: string;
  readonly message1: Uint8Array | null;
}

/** A client that authenticates properly and then sends whatever bytes a test wants, without flow control. */
export class HostileClient {
  readonly credential: Credential;
  readonly socket: Socket;
  /** The socket is closed, by whomever. */
  readonly closed: Promise<void>;
  isClosed = false;
  /** Answers every forwarded request with ACCEPT. */
  acceptsAll = false;
  /** Codes of ERROR to the link. */
  readonly errors: number[] = [];
  #relay: Uint8Array = new Uint8Array(0);
  #request = 0;
  #stream = -1;
  #isUp = false;
  readonly #forwarded: number[] = [];
  readonly #answers = new Map<number, string>();
  #pongs = 0;
  readonly #waiters = new Set<() => void>();

  private constructor(url: string, credential: Credential) {
    this.credential = credential;
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const framer = new WebSocketFramer();
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('drain', () => this.#wake());
    this.socket.on('data', (chunk: Buffer) => {
      for (const { opcode, payload } of framer.push(chunk).frames) {
        if (opcode === BINARY) this.#receive(payload);
        // Hostile, but not slow: the relay waits 5 s for who does not answer its close.
        else if (opcode === CLOSE) this.socket.destroy();
      }
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.isClosed = true;
        this.#wake();
        resolve();
      });
    });
    this.socket.write(
      'GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sealane.1\r\n\r\n',
    );
  }

  /** As somebody new, or with the credential of somebody who was there before. */
  static async connect(url: string, credential?: Credential): Promise<HostileClient> {
    const client = await HostileClient.tryConnect(url, credential);
    if (client === undefined) throw new Error('the relay does not let the client in');
    return client;
  }

  /** Undefined if the relay closed the socket before it let the client in. */
  static async tryConnect(url: string, credential?: Credential): Promise<HostileClient | undefined> {
    await loadCrypto();
    const client = new HostileClient(url, credential ?? (await Credential.create()));
    await client.#until(() => client.#isUp || client.isClosed);
    return client.#isUp ? client : undefined;
  }

  close(): void {
    this.socket.destroy();
  }

  /** Sends bytes as one WebSocket message; resolves when the socket took them or the relay has closed it. */
  async write(payload: Uint8Array): Promise<void> {
    if (this.isClosed) return;
    await this.writeFrame(true, BINARY, payload);
  }

  /** One WebSocket frame of any kind, in one piece. */
  async writeFrame(fin: boolean, opcode: number, payload: Uint8Array): Promise<void> {
    if (this.isClosed) return;
    if (this.socket.write(encodeWebSocketFrame({ fin, opcode, mask: zeroMask, payload }))) return;
    await this.#drained();
  }

  send(message: ControlMessage, stream = 0): void {
    void this.write(encodeFrame(FrameType.MESSAGE, 0, stream, encodeMessage(message)));
  }

  /** The header of a message whose bytes may come or not. */
  startMessage(length: number): void {
    this.socket.write(Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, length >>> 16, length >>> 8, length, 0, 0, 0, 0));
  }

  /** A CONNECT on a new stream, whose number is returned. */
  openTo(owner: Named, { service = '', message1 = null }: Partial<ConnectDetails> = {}): number {
    return this.#open(encodeConnect(owner, { service, message1 }));
  }

  /** So many CONNECTs, each on a new stream, for one write. */
  openings(count: number, ownerOf: (request: number) => Named): Uint8Array {
    const details = { service: '', message1: null };
    const frames = Array.from({ length: count }, (_, request) =>
      this.#openingFrame(encodeConnect(ownerOf(request), details)),
    );
    return Buffer.concat(frames);
  }

  #open(open: Uint8Array): number {
    void this.write(this.#openingFrame(open));
    return this.#stream;
  }

  #openingFrame(open: Uint8Array): Uint8Array {
    this.#stream += 2;
    const body = new Uint8Array(2 + open.length);
    body.set([open.length >>> 8, open.length]);
    body.set(open, 2);
    return encodeFrame(FrameType.DATA, FrameFlag.OPEN, this.#stream, body);
  }

  reset(stream: number): void {
    void this.write(encodeFrame(FrameType.RESET, 0, stream, Uint8Array.of(0, 1)));
  }

  data(stream: number, length: number): Uint8Array {
    return encodeFrame(FrameType.DATA, 0, stream, new Uint8Array(length));
  }

  /** PINGs, of which only the last is answered: `bytes` of them altogether. */
  ignored(bytes: number): Uint8Array[] {
    const frame = encodeFrame(FrameType.PING, 0, 0, new Uint8Array(8));
    return new Array<Uint8Array>(Math.floor(bytes / frame.length)).fill(frame);
  }

  /** Many DATA frames of one byte. */
  tinyData(stream: number, count: number): Uint8Array {
    const frame = this.data(stream, 1);
    const message = new Uint8Array(frame.length * count);
    for (let index = 0; index < count; index++) message.set(frame, index * frame.length);
    return message;
  }

  /** Resolves to the name of the answer's kind, or the code of the refusal. */
  async register(lease: Partial<Lease>): Promise<string> {
    const bytes = encodeLease({
      audience: this.#relay,
      keycert: this.credential.keycert,
      service: '',
      instance: new Uint8Array(ProtocolSize.INSTANCE),
      sequence: this.#request + 1,
      ttlMs: 300_000,
      name: null,
      alpn: null,
      suites: [2],
      flags: 0,
      metadata: new Uint8Array(0),
      ...lease,
    });
    return await this.registerBytes(bytes);
  }

  /** The same for a lease of any bytes, at most 5,000. */
  async registerBytes(lease: Uint8Array): Promise<string> {
    const request = ++this.#request;
    const signature = this.credential.sign(SignatureLabel.LEASE, lease);
    this.send({ kind: MessageKind.REGISTER, request, flags: 0, lease, signature });
    await this.#until(() => this.#answers.has(request) || this.isClosed);
    return this.#answers.get(request) ?? 'closed';
  }

  /** The number of the next stream on which a request is forwarded to this owner. */
  async nextForwarded(): Promise<number> {
    const before = this.#forwarded.length;
    await this.#until(() => this.#forwarded.length > before || this.isClosed);
    return this.#forwarded.at(-1) ?? 0;
  }

  /** A CONNECT that resumes a session which never was. */
  openToResume(owner: Named, pathNumber: number): void {
    const open = encodeOpen({
      kind: OpenKind.RESUME,
      owner: owner.credential.publicKey,
      service: '',
      instance: new Uint8Array(ProtocolSize.INSTANCE).fill(0xee),
      resumeId: new Uint8Array(ProtocolSize.RESUME_ID),
      pathNumber,
      sealed: new Uint8Array(34),
    });
    this.#open(open);
  }

  /** An AUTH whose signature is of nobody. */
  static async forgedAuth(): Promise<Uint8Array> {
    await loadCrypto();
    const { publicKey } = await Credential.create();
    return appendSignature(unsignedAuth(publicKey), new Uint8Array(ProtocolSize.SIGNATURE));
  }

  /** Everything sent before has been read by the relay, or it has closed the link. */
  async roundTrip(): Promise<void> {
    const before = this.#pongs;
    await this.write(encodeFrame(FrameType.PING, 0, 0, new Uint8Array(8)));
    await this.#until(() => this.#pongs > before || this.isClosed);
  }

  #receive(message: Uint8Array): void {
    forEachFrame(message, limits, (frame) => this.#onFrame(frame));
  }

  #onFrame({ type, flags, streamId, body }: Frame): void {
    if (type === FrameType.PONG) this.#pongs++;
    else if (type === FrameType.PING) void this.write(encodeFrame(FrameType.PONG, 0, 0, body));
    else if (type === FrameType.DATA && (flags & FrameFlag.OPEN) !== 0) {
      this.#forwarded.push(streamId);
      if (this.acceptsAll) this.send({ kind: MessageKind.ACCEPT, message2: null, resume: null }, streamId);
    }
    if (type !== FrameType.MESSAGE || streamId !== 0) return;
    const decoded = decodeMessage(body);
    if (decoded.kind === MessageKind.HELLO) {
      this.#relay = decoded.relay.slice();
      this.#authenticate(blake2b(32, body));
    } else if (decoded.kind === MessageKind.AUTH_OK) this.#isUp = true;
    else if (decoded.kind === MessageKind.REGISTERED) this.#answers.set(decoded.request, 'REGISTERED');
    else if (decoded.kind === MessageKind.ERROR) {
      if (decoded.request === 0) this.errors.push(decoded.code);
      else this.#answers.set(decoded.request, `refused ${decoded.code}`);
    }
  }

  #authenticate(helloHash: Uint8Array): void {
    const unsigned = unsignedAuth(this.credential.publicKey);
    const body = appendSignature(unsigned, this.credential.sign(SignatureLabel.AUTH, helloHash, unsigned));
    void this.write(encodeFrame(FrameType.MESSAGE, 0, 0, body));
  }

  async #drained(): Promise<void> {
    await this.#until(() => this.isClosed || !this.socket.writableNeedDrain);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.add(resolve));
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}

function encodeConnect(owner: Named, { service, message1 }: ConnectDetails): Uint8Array {
  return encodeOpen({
    kind: OpenKind.CONNECT,
    owner: owner.credential.publicKey,
    service,
    connectionId: new Uint8Array(ProtocolSize.CONNECTION_ID),
    message1,
  });
}

function unsignedAuth(client: Uint8Array): Uint8Array {
  return encodeAuthUnsigned({
    client,
    nonce: new Uint8Array(ProtocolSize.NONCE),
    authority: 'relay.example:443',
    features: 0,
    initialWindow: 262_144,
    maxStreams: 1_024,
  });
}
