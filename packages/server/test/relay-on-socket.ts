import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Credential, SigningKey } from '@sealane/crypto/credential';
import { type MessageLink, type MessageLinkHandler, SUBPROTOCOL, systemClock } from '@sealane/types';
import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import type { RelayAddress, RelayListenOptions, RelayServerOptions } from '../src/options.js';
import { RelayServer } from '../src/relay-server.js';
import { type ClientOptions, ScriptedClient } from './scripted-client.js';

/** The address that a client comes from, and what its request carries. */
export interface SocketOptions {
  readonly localAddress?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** A client's end of a real WebSocket. */
export class ClientSocket implements MessageLink {
  readonly webSocket: WebSocket;
  receivedBytes = 0;
  sentBytes = 0;
  #handler: MessageLinkHandler | undefined;

  constructor(url: string, options: SocketOptions = {}) {
    this.webSocket = new WebSocket(url, SUBPROTOCOL, { perMessageDeflate: false, ...options });
    this.webSocket.binaryType = 'nodebuffer';
    this.webSocket.on('message', (data) => {
      const bytes = data as Buffer;
      this.receivedBytes += bytes.length;
      this.#handler?.onMessage(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    });
    let failure = '';
    this.webSocket.on('error', (error) => {
      failure = error.message;
    });
    this.webSocket.on('close', (code, reason) => {
      this.#handler?.onEnd({ clean: code !== 1006, code, reason: failure || reason.toString() });
    });
  }

  get queuedBytes(): number {
    return this.webSocket.bufferedAmount;
  }

  start(handler: MessageLinkHandler): void {
    this.#handler = handler;
  }

  send(message: Uint8Array): void {
    if (this.webSocket.readyState !== WebSocket.OPEN) return;
    this.webSocket.send(message, () => {
      this.sentBytes += message.length;
      this.#handler?.onDrain();
    });
  }

  close(code = 1000, reason = ''): void {
    this.webSocket.close(code, reason);
  }

  abort(): void {
    this.webSocket.terminate();
  }
}

export interface RelayOnSocket extends RelayAddress {
  readonly relay: RelayServer;
  readonly key: Uint8Array;
  connect(options?: ClientOptions, socketOptions?: SocketOptions): Promise<ScriptedClient>;
  /** A TCP connection that says what the test tells it. */
  raw(localAddress?: string): Promise<RawSocket>;
}

export interface RawSocket {
  readonly socket: Socket;
  /** Everything received so far. */
  readonly text: () => string;
  readonly closed: Promise<void>;
}

/** A relay that listens on a free port until the test is over. */
export async function listenRelay(
  options: Partial<RelayServerOptions> & Pick<RelayListenOptions, 'proxyProtocol'> = {},
  host = '127.0.0.1',
): Promise<RelayOnSocket> {
  const identity = await Credential.create();
  const relay = await RelayServer.create({ identity, nodeKey: SigningKey.create(), ...options });
  onTestFinished(() => relay.close());
  const address = await relay.listen({ host, port: 0, proxyProtocol: options.proxyProtocol === true });
  return {
    ...address,
    relay,
    key: identity.publicKey,
    async connect(clientOptions, socketOptions) {
      const client = new ScriptedClient(new ClientSocket(address.url, socketOptions), systemClock, clientOptions);
      await client.until(
        () => client.isUp || client.end !== undefined || clientOptions?.isSilent === true,
        'the link is up',
      );
      return client;
    },
    raw: (localAddress) => openRaw(host, address.port, localAddress),
  };
}

export async function openRaw(host: string, port: number, localAddress?: string): Promise<RawSocket> {
  const socket = connectTcp({ host, port, ...(localAddress === undefined ? {} : { localAddress }) });
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    received += text;
  });
  socket.on('error', () => socket.destroy());
  onTestFinished(() => {
    socket.destroy();
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  await once(socket, 'connect');
  return { socket, text: () => received, closed };
}

export function upgradeRequest(headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    Host: 'relay',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': SUBPROTOCOL,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET / HTTP/1.1\r\n${lines.join('')}\r\n`;
}
