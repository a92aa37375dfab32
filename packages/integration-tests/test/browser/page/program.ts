import {
  allowAny,
  type ConnectionStatistics,
  connect,
  type Listener,
  type RelayClient,
  type RelayClientOptions,
  type SecureConnection,
  type SecureStream,
} from '@sealane/client';
import {
  BrowserKeycertStore,
  BrowserPinStore,
  type IdentityProtection,
  openBrowserIdentity,
} from '@sealane/client/browser';
import { patternBlocks } from './pattern.js';

/** What runs in a page or worker, called by a test. Only values that can be cloned go in and out. */
export interface PageProgram {
  /** Opens a client with the identity of this browser, or one that lives as long as the page. */
  connect(relayUrl: string, options?: ClientChoice): Promise<{ id: string; protection: IdentityProtection | null }>;
  /** Listens and sends back what comes. The address. */
  listenEcho(takeOver?: boolean): Promise<string>;
  /** The code that the lease was lost with. */
  listenerError(): Promise<string>;
  /** The id of the listener's latest peer. */
  latestPeer(): Promise<string>;
  /** What a peer says on `text` to an address comes back. */
  echo(address: string, text: string): Promise<string>;
  /** Sends a pattern and takes another one at the same time. */
  transfer(address: string, sendSeed: number, bytes: number): Promise<TransferResult>;
  /** Writes until told `stop`, and counts what was taken. */
  writeForever(address: string): Promise<void>;
  written(): Promise<number>;
  statistics(): Promise<ConnectionStatistics | null>;
  /** The code that the latest stream of `writeForever` ended with. */
  writeError(): Promise<string>;
  openIdentity(name?: string): Promise<{ id: string; epoch: number; protection: IdentityProtection }>;
  /** Rotates by `handles` handles that begin at the same time: what each of them gets. */
  rotateIdentity(handles?: number): Promise<{ id: string; epoch: number }[]>;
  eraseIdentity(name?: string): Promise<void>;
  /** Remembers keycerts of ids in turn, at most `most` at once: the epochs that are known of each afterwards. */
  remember(most: number, keycerts: readonly (readonly [id: string, epoch: number])[]): Promise<Record<string, number>>;
  close(): Promise<void>;
}

export interface ClientChoice {
  readonly use?: 'dial' | 'listen';
  /** Keep identity, pins and keycerts in this browser. */
  readonly keep?: boolean;
  readonly name?: string;
  readonly identify?: boolean;
}

export interface TransferResult {
  readonly receivedSha256: string;
  readonly receivedBytes: number;
  readonly elapsedMs: number;
  /** Largest `bufferedAmount` of any WebSocket after a send. */
  readonly maxBufferedBytes: number;
}

let maxBufferedBytes = 0;

/** The platform's own socket; only looks at its queue. */
class MeteredWebSocket extends WebSocket {
  override send(data: string | BufferSource | Blob): void {
    super.send(data);
    maxBufferedBytes = Math.max(maxBufferedBytes, this.bufferedAmount);
  }
}
globalThis.WebSocket = MeteredWebSocket;

let client: RelayClient | undefined;
let listener: Listener | undefined;
let lost: Promise<string> | undefined;
let latest: SecureConnection | undefined;
let writtenBytes = 0;
let writing: Promise<string> | undefined;

export const program: PageProgram = {
  async connect(relayUrl, choice = {}) {
    const identity = choice.keep === true ? await openBrowserIdentity({ name: choice.name ?? 'default' }) : undefined;
    const kept: RelayClientOptions =
      identity === undefined
        ? {}
        : { credential: identity, pins: new BrowserPinStore(), knownKeycerts: new BrowserKeycertStore() };
    client = await connect(relayUrl, {
      use: choice.use ?? 'dial',
      ...(choice.identify === undefined ? {} : { identify: choice.identify }),
      ...kept,
    });
    return { id: client.id, protection: identity?.protection ?? null };
  },

  async listenEcho(takeOver = false) {
    listener = await opened().listen({ accept: allowAny(), takeOver });
    lost = listener.closed.then(
      () => 'closed',
      (error) => String(error.code),
    );
    serve(listener).catch(() => undefined);
    return listener.address;
  },

  listenerError: async () => (await lost) ?? '',
  latestPeer: () => Promise.resolve(latest?.peerId ?? ''),

  async echo(address, text) {
    const stream = await opened().openStream(address);
    const [bytes] = await Promise.all([readAll(stream), writeAll(stream, [new TextEncoder().encode(text)])]);
    return await bytes.text();
  },

  async transfer(address, sendSeed, bytes) {
    const stream = await opened().openStream(address);
    maxBufferedBytes = 0;
    const startMs = performance.now();
    const [received] = await Promise.all([readAll(stream), writeAll(stream, patternBlocks(sendSeed, bytes))]);
    const elapsedMs = performance.now() - startMs;
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await received.arrayBuffer()));
    const receivedSha256 = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return { receivedSha256, receivedBytes: received.size, elapsedMs, maxBufferedBytes };
  },

  async writeForever(address) {
    const stream = await opened().openStream(address);
    latest = stream.connection;
    writtenBytes = 0;
    writing = (async () => {
      const writer = stream.writable.getWriter();
      try {
        for (;;) {
          await writer.write(new Uint8Array(65_536));
          writtenBytes += 65_536;
        }
      } catch (error) {
        return String((error as { code?: unknown }).code);
      }
    })();
  },

  written: () => Promise.resolve(writtenBytes),
  statistics: () => Promise.resolve(latest?.statistics ?? null),
  writeError: async () => (await writing) ?? '',

  async openIdentity(name = 'default') {
    const identity = await openBrowserIdentity({ name });
    const { epoch } = await identity.current();
    return { id: identity.id, epoch, protection: identity.protection };
  },

  async rotateIdentity(handles = 1) {
    const opened = await Promise.all(Array.from({ length: handles }, () => openBrowserIdentity()));
    const rotated = await Promise.all(opened.map((identity) => identity.rotate()));
    return rotated.map(({ id, epoch }) => ({ id, epoch }));
  },

  async eraseIdentity(name = 'default') {
    await (await openBrowserIdentity({ name })).erase();
  },

  async remember(most, keycerts) {
    const store = new BrowserKeycertStore({ database: 'keycerts-only', maxRemembered: most });
    const epochs: Record<string, number> = {};
    for (const [id, epoch] of keycerts) {
      const bytes = new Uint8Array(132);
      new DataView(bytes.buffer).setUint32(32, epoch);
      await store.put(id, bytes);
      // What was learned longest ago is told by the clock.
      for (const learnedMs = Date.now(); Date.now() === learnedMs; ) await Promise.resolve();
    }
    for (const id of new Set(keycerts.map(([of]) => of))) {
      const bytes = await store.get(id);
      if (bytes !== undefined) epochs[id] = new DataView(bytes.buffer).getUint32(32);
    }
    return epochs;
  },

  async close() {
    await client?.close();
  },
};

function opened(): RelayClient {
  if (client === undefined) throw new Error('connect first');
  return client;
}

async function serve(source: Listener): Promise<void> {
  for await (const connection of source) {
    latest = connection;
    serveConnection(connection).catch(() => undefined);
  }
}

async function serveConnection(connection: SecureConnection): Promise<void> {
  for await (const stream of connection) stream.readable.pipeTo(stream.writable).catch(() => undefined);
}

async function writeAll(stream: SecureStream, chunks: Iterable<Uint8Array>): Promise<void> {
  const writer = stream.writable.getWriter();
  for (const chunk of chunks) await writer.write(chunk);
  await writer.close();
}

/** In parts that the browser may keep outside of the page's heap. */
async function readAll(stream: SecureStream): Promise<Blob> {
  const parts: Blob[] = [];
  let chunks: Uint8Array<ArrayBuffer>[] = [];
  let held = 0;
  for await (const chunk of stream.readable) {
    chunks.push(chunk as Uint8Array<ArrayBuffer>);
    held += chunk.length;
    if (held < 4_194_304) continue;
    parts.push(new Blob(chunks));
    chunks = [];
    held = 0;
  }
  return new Blob([...parts, ...chunks]);
}
