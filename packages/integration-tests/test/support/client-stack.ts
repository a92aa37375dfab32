import { allowAny, type ListenOptions, RelayClient, type RelayClientOptions } from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import { Credential, SigningKey } from '@sealane/crypto/credential';
import { RelayServer, type RelayServerOptions } from '@sealane/server';

export interface StackRelay {
  readonly server: RelayServer;
  readonly url: string;
  readonly port: number;
  readonly identity: Credential;
  readonly nodeKey: SigningKey;
}

/** A relay of this process, and everything that was made with it, closed in the right order by `close`. */
export class ClientStack {
  readonly #closers: (() => Promise<void> | void)[] = [];

  async relay(options: Partial<RelayServerOptions> & { port?: number; from?: StackRelay } = {}): Promise<StackRelay> {
    await loadCrypto();
    const { port = 0, from, ...rest } = options;
    const identity = from?.identity ?? (await Credential.create());
    const nodeKey = from?.nodeKey ?? SigningKey.create();
    const server = await RelayServer.create({ identity, nodeKey, ...rest });
    const address = await server.listen({ host: '127.0.0.1', port: from?.port ?? port });
    this.onClose(() => server.close());
    return { server, url: address.url, port: address.port, identity, nodeKey };
  }

  async client(url: string, options: RelayClientOptions = {}): Promise<RelayClient> {
    const client = await RelayClient.connect(url, options);
    this.onClose(() => client.close({ deadlineMs: 0 }));
    return client;
  }

  /** An owner that answers every stream with what it gets. */
  async echoOwner(url: string, listen: Partial<ListenOptions> = {}, options: RelayClientOptions = {}) {
    const client = await this.client(url, { use: 'listen', ...options });
    const listener = await client.listen({ accept: allowAny(), ...listen });
    const serving = serveEcho(listener);
    return { client, listener, serving };
  }

  onClose(closer: () => Promise<void> | void): void {
    this.#closers.push(closer);
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) await closer();
  }
}

async function serveEcho(
  listener: AsyncIterable<
    AsyncIterable<{ readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> }>
  >,
): Promise<void> {
  try {
    for await (const connection of listener) {
      serveConnection(connection).catch(() => undefined);
    }
  } catch {
    // The lease was lost; the test that caused it looks at `listener.closed`.
  }
}

async function serveConnection(
  connection: AsyncIterable<{ readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> }>,
): Promise<void> {
  for await (const stream of connection) stream.readable.pipeTo(stream.writable).catch(() => undefined);
}

/** Writes `bytes`, ends, and gives what came back until the authenticated end. */
export async function exchange(
  stream: { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> },
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const writing = (async () => {
    const writer = stream.writable.getWriter();
    for (let offset = 0; offset < bytes.length; offset += 65_536) {
      await writer.write(bytes.slice(offset, offset + 65_536));
    }
    await writer.close();
  })();
  const [received] = await Promise.all([readAll(stream.readable), writing]);
  return received;
}

export async function readAll(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readable as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
