// A client of a relay by hand, as cheap as it can be: many thousand of them fit into one process.
import net from 'node:net';
import { blake2b } from '@sealane/crypto';
import { SignatureLabel } from '@sealane/crypto/signature';
import {
  appendSignature,
  decodeMessage,
  encodeAuthUnsigned,
  encodeFrame,
  encodeLease,
  encodeMessage,
  encodeOpen,
  forEachFrame,
} from '@sealane/protocol';
import { FrameFlag, FrameType, MessageKind, OpenKind, ProtocolSize } from '@sealane/types';

const limits = { maxDataBytes: 70_000, maxOpenBytes: 8_192, maxMessageBytes: 8_192 };
const headEnd = Buffer.from('\r\n\r\n');
const upgrade = Buffer.from(
  'GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sealane.1\r\n\r\n',
);
const binary = 2;
const pingOpcode = 9;
const pongOpcode = 10;
const closeOpcode = 8;

/** Source address `index` of as many as there are in 127.0.0.0/8, beside 127.0.0.1 and its neighbours. */
export function sourceAddress(index) {
  return `127.${20 + (index >> 16)}.${(index >> 8) & 0xff}.${index & 0xff}`;
}

/**
 * One socket to the relay. `onStep(name)` tells how far it came: `open` (TCP), `refused STATUS`, `hello`, `up`,
 * `leased`, `accepted` or `rejected CODE` (a CONNECT), `error CODE`, and last `closed`.
 */
export class RawLink {
  relay;
  #request = 0;
  #stream = -1;
  #isUpgraded = false;
  #buffer = Buffer.alloc(0);

  constructor({ port, localAddress, credential, onStep, untilHello = false }) {
    this.credential = credential;
    this.onStep = onStep;
    this.untilHello = untilHello;
    this.isClosed = false;
    this.socket = net.connect({ port, host: '127.0.0.1', localAddress, noDelay: true }, () => this.onStep('open'));
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('data', (chunk) => this.#read(chunk));
    this.socket.once('close', () => {
      this.isClosed = true;
      this.onStep('closed');
    });
  }

  upgrade() {
    this.socket.write(upgrade);
  }

  /** Without TIME_WAIT, which would use up the ports of one address within seconds. */
  abort() {
    this.socket.resetAndDestroy();
  }

  register({ ttlMs = 300_000 } = {}) {
    const lease = encodeLease({
      audience: this.relay,
      keycert: this.credential.keycert,
      service: '',
      instance: new Uint8Array(ProtocolSize.INSTANCE),
      sequence: 1,
      ttlMs,
      name: null,
      alpn: null,
      suites: [2],
      flags: 0,
      metadata: new Uint8Array(0),
    });
    const signature = this.credential.sign(SignatureLabel.LEASE, lease);
    this.#send({ kind: MessageKind.REGISTER, request: ++this.#request, flags: 0, lease, signature });
  }

  renew() {
    this.#send({ kind: MessageKind.RENEW, request: ++this.#request, service: '', sequence: 1 });
  }

  /** A CONNECT whose message 1 nobody can open. */
  request(owner, message1) {
    this.#stream += 2;
    const open = encodeOpen({
      kind: OpenKind.CONNECT,
      owner,
      service: '',
      connectionId: crypto.getRandomValues(new Uint8Array(ProtocolSize.CONNECTION_ID)),
      message1,
    });
    const body = Buffer.allocUnsafe(2 + open.length);
    body.writeUInt16BE(open.length, 0);
    body.set(open, 2);
    this.#write(encodeFrame(FrameType.DATA, FrameFlag.OPEN, this.#stream, body));
  }

  #send(message) {
    this.#write(encodeFrame(FrameType.MESSAGE, 0, 0, encodeMessage(message)));
  }

  #write(payload, opcode = binary) {
    if (this.isClosed) return;
    const head = Buffer.alloc(payload.length < 126 ? 6 : 8);
    head[0] = 0x80 | opcode;
    if (payload.length < 126) head[1] = 0x80 | payload.length;
    else {
      head[1] = 0xfe;
      head.writeUInt16BE(payload.length, 2);
    }
    this.socket.write(Buffer.concat([head, payload]));
  }

  #read(chunk) {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    if (!this.#isUpgraded) {
      const end = this.#buffer.indexOf(headEnd);
      if (end < 0) return;
      const status = this.#buffer.toString('latin1', 9, 12);
      this.#buffer = this.#buffer.subarray(end + headEnd.length);
      if (status !== '101') return this.onStep(`refused ${status}`);
      this.#isUpgraded = true;
    }
    for (let frame = this.#takeFrame(); frame !== undefined; frame = this.#takeFrame()) this.#receive(frame);
  }

  #takeFrame() {
    const buffer = this.#buffer;
    if (buffer.length < 2) return undefined;
    const short = buffer[1] & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (buffer.length < start) return undefined;
    const length = short === 126 ? buffer.readUInt16BE(2) : short === 127 ? buffer.readUIntBE(4, 6) : short;
    if (buffer.length < start + length) return undefined;
    const frame = { opcode: buffer[0] & 0x0f, payload: buffer.subarray(start, start + length) };
    this.#buffer = buffer.length === start + length ? Buffer.alloc(0) : buffer.subarray(start + length);
    return frame;
  }

  #receive({ opcode, payload }) {
    if (opcode === binary) forEachFrame(payload, limits, (frame) => this.#onFrame(frame));
    else if (opcode === pingOpcode) this.#write(payload, pongOpcode);
    else if (opcode === closeOpcode) this.socket.destroy();
  }

  #onFrame({ type, streamId, body }) {
    if (type === FrameType.PING) this.#write(encodeFrame(FrameType.PONG, 0, 0, body));
    if (type !== FrameType.MESSAGE) return;
    const message = decodeMessage(body);
    switch (message.kind) {
      case MessageKind.HELLO:
        this.relay = message.relay.slice();
        this.onStep('hello');
        if (!this.untilHello) this.#authenticate(blake2b(32, body));
        return;
      case MessageKind.AUTH_OK:
        return this.onStep('up');
      case MessageKind.REGISTERED:
        return this.onStep('leased');
      case MessageKind.ERROR:
        return this.onStep(`error ${message.code}`);
      case MessageKind.ACCEPT:
        this.#write(encodeFrame(FrameType.RESET, 0, streamId, Uint8Array.of(0, 1)));
        return this.onStep('accepted');
      case MessageKind.REJECT:
        return this.onStep(`rejected ${message.code}`);
    }
  }

  #authenticate(helloHash) {
    const unsigned = encodeAuthUnsigned({
      client: this.credential.publicKey,
      nonce: new Uint8Array(ProtocolSize.NONCE),
      authority: 'relay.example:443',
      features: 0,
      initialWindow: 262_144,
      maxStreams: 1_024,
    });
    const signature = this.credential.sign(SignatureLabel.AUTH, helloHash, unsigned);
    this.#write(encodeFrame(FrameType.MESSAGE, 0, 0, appendSignature(unsigned, signature)));
  }
}
