import { once } from 'node:events';
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

const zeroMask = new Uint8Array(4);
const limits = { maxDataBytes: 70_000, maxOpenBytes: 8_192, maxMessageBytes: 8_192 };

interface ConnectDetails {
  readonly service: string;
  readonly message1: Uint8Array | null;
}

/** A client that authenticates properly and then sends whatever bytes a test wants, without flow control. */
export class HostileClient {
  readonly credential: Credential;
  readonly socket: Socket;
  isClosed = false;
  /** Answers every forwarded request with ACCEPT. */
  acceptsAll = false;
  /** Codes of ERROR to the link. */
  readonly errors: number[] = [];
  #relay: Uint8Array = new Uint8Array(0);
  #request = 0;
  #stream = -1;
  #isUp = false;
  readonly #answers = new Map<number, string>();
  #pongs = 0;
  readonly #waiters = new Set<() => void>();

  private constructor(url: string, credential: Credential) {
    this.credential = credential;
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const framer = new WebSocketFramer();
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('data', (chunk: Buffer) => {
      for (const { opcode, payload } of framer.push(chunk).frames) if (opcode === 2) this.#receive(payload);
      this.#wake();
    });
    this.socket.once('close', () => {
      this.isClosed = true;
      this.#wake();
    });
    this.socket.write(
      'GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sealane.1\r\n\r\n',
    );
  }

  static async connect(url: string): Promise<HostileClient> {
    const client = await HostileClient.tryConnect(url);
    if (client === undefined) throw new Error('the relay does not let the client in');
    return client;
  }

  /** Undefined if the relay closed the socket before it let the client in. */
  static async tryConnect(url: string): Promise<HostileClient | undefined> {
    await loadCrypto();
    const client = new HostileClient(url, await Credential.create());
    await client.#until(() => client.#isUp || client.isClosed);
    return client.#isUp ? client : undefined;
  }

  close(): void {
    this.socket.destroy();
  }

  /** Sends bytes as one WebSocket message; resolves when the socket took them or the relay has closed it. */
  async write(payload: Uint8Array): Promise<void> {
    if (this.isClosed) return;
    if (this.socket.write(encodeWebSocketFrame({ fin: true, opcode: 2, mask: zeroMask, payload }))) return;
    await Promise.race([once(this.socket, 'drain'), this.#until(() => this.isClosed)]).catch(() => undefined);
  }

  send(message: ControlMessage, stream = 0): void {
    void this.write(encodeFrame(FrameType.MESSAGE, 0, stream, encodeMessage(message)));
  }

  /** The header of a message whose bytes may come or not. */
  startMessage(length: number): void {
    this.socket.write(Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, length >>> 16, length >>> 8, length, 0, 0, 0, 0));
  }

  /** A CONNECT on a new stream, whose number is returned. */
  openTo(owner: HostileClient, { service = '', message1 = null }: Partial<ConnectDetails> = {}): number {
    this.#stream += 2;
    const open = encodeOpen({
      kind: OpenKind.CONNECT,
      owner: owner.credential.publicKey,
      service,
      connectionId: new Uint8Array(ProtocolSize.CONNECTION_ID),
      message1,
    });
    const body = new Uint8Array(2 + open.length);
    body.set([open.length >>> 8, open.length]);
    body.set(open, 2);
    void this.write(encodeFrame(FrameType.DATA, FrameFlag.OPEN, this.#stream, body));
    return this.#stream;
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
    const request = ++this.#request;
    const bytes = encodeLease({
      audience: this.#relay,
      keycert: this.credential.keycert,
      service: '',
      instance: new Uint8Array(ProtocolSize.INSTANCE),
      sequence: request,
      ttlMs: 300_000,
      name: null,
      alpn: null,
      suites: [2],
      flags: 0,
      metadata: new Uint8Array(0),
      ...lease,
    });
    const signature = this.credential.sign(SignatureLabel.LEASE, bytes);
    this.send({ kind: MessageKind.REGISTER, request, flags: 0, lease: bytes, signature });
    await this.#until(() => this.#answers.has(request) || this.isClosed);
    return this.#answers.get(request) ?? 'closed';
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
    else if (type === FrameType.DATA && (flags & FrameFlag.OPEN) !== 0 && this.acceptsAll) {
      this.send({ kind: MessageKind.ACCEPT, message2: null, resume: null }, streamId);
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
    const unsigned = encodeAuthUnsigned({
      client: this.credential.publicKey,
      nonce: new Uint8Array(ProtocolSize.NONCE),
      authority: 'relay.example:443',
      features: 0,
      initialWindow: 262_144,
      maxStreams: 1_024,
    });
    const body = appendSignature(unsigned, this.credential.sign(SignatureLabel.AUTH, helloHash, unsigned));
    void this.write(encodeFrame(FrameType.MESSAGE, 0, 0, body));
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
