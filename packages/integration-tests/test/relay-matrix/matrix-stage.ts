import {
  allowIds,
  type DialOptions,
  type Listener,
  type ListenOptions,
  RelayClient,
  type RelayClientOptions,
  type SecureConnection,
  type SecureStream,
} from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import { type Attack, HostileRelay } from '@sealane/hostile-relay';
import { createLinkPair, seededRandom, settle, VirtualClock } from '@sealane/testkit';
import { isSealaneError, type MessageLink, type SealaneError } from '@sealane/types';
import { expect } from 'vitest';
import type { End, Side } from './matrix-case.js';

/** In virtual time over links in memory, or on real sockets. Clients and relay are the real ones in both. */
export type StageMode = 'virtual' | 'sockets';

/** Longer than any deadline of the product. */
const PATIENCE_MS = 120_000;
const SOCKET_PATIENCE_MS = 60_000;

const VIRTUAL_URL = 'ws://relay.test:80';
/** What is done to clients must not fail at a limit that protects the relay. */
const RELAY_LIMITS = { requestsPerLinkPerSecond: 100_000, newSocketsPerAddressPerSecond: 10_000 };

export interface Owner {
  readonly client: RelayClient;
  readonly listener: Listener;
  readonly credential: Credential;
  /** Ids that `accept` was asked about. */
  readonly asked: string[];
  readonly served: ServedSession[];
}

interface ServedSession {
  readonly connection: SecureConnection;
  readonly ends: (End | 'open')[];
  closed: End | 'open';
}

interface Sizes {
  /** From the dialer; at least 33. Default 3,000. */
  readonly bytes?: number;
  /** From the owner, once all of the dialer's have arrived. Default 1,500. */
  readonly answerBytes?: number;
}

export interface Dialer {
  readonly client: RelayClient;
  readonly credential: Credential;
}

/** A hostile relay with owners and dialers around it, and the four things that must never happen. */
export class MatrixStage {
  readonly mode: StageMode;
  readonly relay: HostileRelay;
  readonly clock: VirtualClock;
  readonly owners: Owner[] = [];
  readonly dialers: Dialer[] = [];
  readonly seen: Record<Side, Set<End>> = { dialer: new Set(), owner: new Set() };
  readonly #url: string;
  readonly #resumes: boolean;
  readonly #bindings = new Set<string>();
  readonly #closers: (() => Promise<unknown> | unknown)[] = [];
  readonly #wrongs: string[] = [];
  #attempts = 0;

  private constructor(mode: StageMode, relay: HostileRelay, clock: VirtualClock, url: string, resumes: boolean) {
    this.#resumes = resumes;
    this.mode = mode;
    this.relay = relay;
    this.clock = clock;
    this.#url = url;
  }

  /** Without `resumes` a session ends with its path, and what an attack does to the path shows. */
  static async create(mode: StageMode, resumes = false): Promise<MatrixStage> {
    await loadCrypto();
    const clock = new VirtualClock();
    if (mode === 'virtual') {
      return new MatrixStage(
        mode,
        await HostileRelay.create({ clock, limits: RELAY_LIMITS }),
        clock,
        VIRTUAL_URL,
        resumes,
      );
    }
    const relay = await HostileRelay.create({ limits: RELAY_LIMITS });
    return new MatrixStage(mode, relay, clock, await relay.listen(), resumes);
  }

  attack(...attacks: readonly Attack[]): void {
    this.relay.attacks = attacks;
  }

  /** A client of this relay; of another one with `relay`. */
  client(
    options: RelayClientOptions & { readonly relayId?: string; readonly relay?: HostileRelay } = {},
  ): Promise<RelayClient> {
    const { relayId, relay = this.relay, ...more } = options;
    const rest = this.#resumes ? more : { resumption: { giveUpMs: 0 }, ...more };
    const fragment = relayId === undefined ? '' : `#${relayId}`;
    const connecting =
      this.mode === 'sockets'
        ? RelayClient.connect(`${this.#url}${fragment}`, rest)
        : RelayClient.connect(`${this.#url}${fragment}`, {
            clock: this.clock,
            transport: () => Promise.resolve(this.#link(relay)),
            ...rest,
          });
    connecting.then(
      (client) => this.onClose(() => client.close({ deadlineMs: 0 })),
      () => undefined,
    );
    return this.until(connecting);
  }

  async owner(
    listen: Partial<ListenOptions> = {},
    options: RelayClientOptions & { readonly credential?: Credential; readonly current?: () => Credential } = {},
  ): Promise<Owner> {
    const { current, ...rest } = options;
    const credential = rest.credential ?? current?.() ?? (await Credential.create());
    const source = current === undefined ? credential : { current: () => Promise.resolve(current()) };
    const client = await this.client({ use: 'listen', ...rest, credential: source });
    return await this.listen(client, credential, listen);
  }

  /** Listens with a client that is there already. Only dialers of this stage are let in. */
  async listen(client: RelayClient, credential: Credential, listen: Partial<ListenOptions> = {}): Promise<Owner> {
    const asked: string[] = [];
    const allowed = allowIds(new Set());
    const accept: ListenOptions['accept'] = (peer) => {
      asked.push(peer.id);
      return this.dialers.some((dialer) => dialer.credential.id === peer.id) || allowed(peer);
    };
    const listener = await this.until(client.listen({ accept, ...listen }));
    const owner: Owner = { client, listener, credential, asked, served: [] };
    this.owners.push(owner);
    this.#serve(owner).catch(() => undefined);
    return owner;
  }

  async dialer(options: RelayClientOptions & { readonly credential?: Credential } = {}): Promise<Dialer> {
    const credential = options.credential ?? (await Credential.create());
    let client: RelayClient | undefined;
    const note = (): void => {
      for (const { channelBinding } of client?.connections ?? []) this.#bindings.add(hex(channelBinding));
    };
    const { onStatus } = options;
    client = await this.client({
      ...options,
      credential,
      onStatus: (event) => {
        note();
        onStatus?.(event);
      },
    });
    const dialer = { client, credential };
    this.dialers.push(dialer);
    return dialer;
  }

  /**
   * Dials, sends known bytes, ends, and reads the known answer to its end. The dialer's end is noted; with `owner` also
   * what became of its session there.
   */
  async exchange(dialer: Dialer, address: string, options: DialOptions & Sizes = {}): Promise<End> {
    const end = await this.tryExchange(dialer, address, options);
    this.seen.dialer.add(end);
    return end;
  }

  /** {@link exchange} that is no part of the case. */
  tryExchange(dialer: Dialer, address: string, options: DialOptions & Sizes = {}): Promise<End> {
    return this.until(this.#exchange(dialer, address, options, this.#attempts++, options));
  }

  /** The commonest case: one owner, one dialer, one exchange; both ends are noted. */
  async attempt(
    options: {
      readonly listen?: Partial<ListenOptions>;
      readonly dial?: DialOptions;
      readonly sizes?: Sizes;
      readonly owner?: Owner;
      readonly dialer?: Dialer;
    } = {},
  ): Promise<{ readonly owner: Owner; readonly dialer: Dialer; readonly end: End }> {
    const owner = options.owner ?? (await this.owner(options.listen));
    const dialer = options.dialer ?? (await this.dialer());
    const before = owner.served.length;
    const end = await this.exchange(dialer, owner.listener.address, { ...options.dial, ...options.sizes });
    await this.noteOwner(owner, before);
    return { owner, dialer, end };
  }

  /** Waits until the owner's sessions from number `from` on have settled, and notes how; `nothing` without any. */
  async noteOwner(owner: Owner, from = 0): Promise<void> {
    await this.pass(60);
    const sessions = (): ServedSession[] => owner.served.slice(from);
    const isSettled = (): boolean =>
      sessions().every(({ ends, closed }) => (ends.length > 0 ? !ends.includes('open') : closed !== 'open'));
    await this.waitFor(isSettled, 'the owner settles');
    if (sessions().length === 0) this.seen.owner.add('nothing');
    for (const { ends, closed } of sessions()) {
      for (const end of ends.length > 0 ? ends : [closed]) if (end !== 'open') this.seen.owner.add(end);
    }
  }

  note(side: Side, end: End): void {
    this.seen[side].add(end);
  }

  /** The code of an error that must come. */
  async codeOf(promise: Promise<unknown>): Promise<End> {
    return await this.until(
      promise.then(
        () => 'still up' as const,
        (error: unknown) => codeOf(error),
      ),
    );
  }

  /** Lets time pass, and what follows from it happen. On sockets: a little. */
  async pass(ms: number): Promise<void> {
    if (this.mode === 'sockets') {
      await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 50)));
      return;
    }
    for (let passed = 0; passed < ms; passed += 10) {
      await this.clock.advanceAsync(Math.min(10, ms - passed));
      await settle();
    }
  }

  async waitFor(condition: () => boolean, what: string): Promise<void> {
    const deadline = this.mode === 'sockets' ? Date.now() + SOCKET_PATIENCE_MS : this.clock.nowMs() + PATIENCE_MS;
    const now = (): number => (this.mode === 'sockets' ? Date.now() : this.clock.nowMs());
    while (!condition()) {
      if (now() > deadline) throw new Error(`a hang: never came: ${what}`);
      await this.pass(10);
    }
  }

  /** A promise that must settle in time: nothing may hang. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    if (this.mode === 'sockets') {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('a hang: nothing came about')), SOCKET_PATIENCE_MS);
      });
      return await Promise.race([settled, late]).finally(() => clearTimeout(timer));
    }
    const deadline = this.clock.nowMs() + PATIENCE_MS;
    while (!isSettled && this.clock.nowMs() < deadline) await this.pass(10);
    if (!isSettled) throw new Error('a hang: virtual time brought nothing about');
    return await settled;
  }

  /** Does something later, in the stage's time. */
  after(delayMs: number, action: () => void): void {
    if (this.mode === 'sockets') setTimeout(action, delayMs);
    else this.clock.schedule(delayMs, action);
  }

  /** The error of a promise that must reject. */
  async errorOf(promise: Promise<unknown>): Promise<SealaneError> {
    const error = await this.until(
      promise.then(
        () => undefined,
        (cause: unknown) => cause,
      ),
    );
    if (!isSealaneError(error)) throw error ?? new Error('it did not fail');
    return error;
  }

  onClose(closer: () => Promise<unknown> | unknown): void {
    this.#closers.push(closer);
  }

  /** No wrong byte or false end, no phantom connection, no leaked identity; a hang has thrown by itself. */
  assertNevers(): void {
    expect(this.#wrongs.length, this.#wrongs.join('; ')).toBe(0);
    const known = new Set(this.dialers.map(({ credential }) => credential.id));
    for (const { served, asked } of this.owners) {
      for (const { connection } of served) {
        expect(known, 'a session of a stranger').toContain(connection.peerId);
        expect(this.#bindings, 'a session that no dialer has').toContain(hex(connection.channelBinding));
      }
      expect(
        asked.filter((id) => id === ''),
        'a question about nobody',
      ).toEqual([]);
    }
    for (const { credential } of this.dialers) {
      if (this.owners.some((owner) => owner.credential.id === credential.id)) continue;
      for (const secret of [credential.publicKey, credential.keycert.subarray(36, 68), Buffer.from(credential.id)]) {
        expect(this.relay.hasSeen(secret), 'the relay saw who dials').toBe(false);
      }
    }
    for (let number = 0; number < Math.min(this.#attempts, 3); number++) {
      const marks = [labelOf(number), payloadOf(number, 16), answerOf(number, 16)];
      for (const mark of marks) expect(this.relay.hasSeen(Buffer.from(mark)), 'the relay saw plaintext').toBe(false);
    }
  }

  async close(): Promise<void> {
    this.relay.attacks = [];
    for (const closer of this.#closers.splice(0).reverse()) await this.until(Promise.resolve(closer()));
    await this.until(this.relay.close());
  }

  #link(relay: HostileRelay): MessageLink {
    const [near, far] = createLinkPair(this.clock, { lowMarkBytes: 131_072 });
    relay.accept(far);
    return near;
  }

  async #exchange(dialer: Dialer, address: string, dial: DialOptions, number: number, sizes: Sizes): Promise<End> {
    const { bytes = 3_000, answerBytes = 1_500 } = sizes;
    try {
      const metadata = new Uint8Array(8);
      new DataView(metadata.buffer).setUint32(0, bytes);
      new DataView(metadata.buffer).setUint32(4, answerBytes);
      const stream = await dialer.client.openStream(address, { ...dial, label: labelOf(number), metadata });
      const reading = this.#readAll(stream, answerOf(number, answerBytes));
      reading.catch(() => undefined);
      stream.finished.catch(() => undefined);
      await this.#write(stream, payloadOf(number, bytes));
      await reading;
      await stream.finished;
      return 'right bytes';
    } catch (error) {
      return codeOf(error);
    }
  }

  async #serve(owner: Owner): Promise<void> {
    for await (const connection of owner.listener) {
      const session: ServedSession = { connection, ends: [], closed: 'open' };
      owner.served.push(session);
      connection.closed.then(
        () => {
          session.closed = 'still up';
        },
        (error: unknown) => {
          session.closed = codeOf(error);
        },
      );
      this.#serveSession(session).catch(() => undefined);
    }
  }

  async #serveSession(session: ServedSession): Promise<void> {
    for await (const stream of session.connection) {
      const index = session.ends.push('open') - 1;
      this.#answer(stream).then(
        (end) => {
          session.ends[index] = end;
        },
        (error: unknown) => this.#wrongs.push(String(error)),
      );
    }
  }

  /** Reads a request to its authenticated end and answers it; wrong bytes end the test. */
  async #answer(stream: SecureStream): Promise<End> {
    const number = Number(stream.label.split(' ').at(-1));
    const view = new DataView(stream.metadata.buffer, stream.metadata.byteOffset);
    try {
      await this.#readAll(stream, payloadOf(number, view.getUint32(0)));
      await this.#write(stream, answerOf(number, view.getUint32(4)));
      await stream.finished;
      return 'right bytes';
    } catch (error) {
      return codeOf(error);
    }
  }
  /** In three pieces that do not share a record, unless they are small. */
  async #write(stream: SecureStream, bytes: Uint8Array): Promise<void> {
    const size = Math.max(200, Math.ceil(bytes.length / 3));
    for (let at = 0; at < bytes.length && !stream.isClosed; at += size) {
      stream.raw.write(bytes.slice(at, at + size));
      if (at + size < bytes.length) await this.#gap(stream);
    }
    stream.raw.end();
  }

  /** Until what was written has been sealed, and a little. */
  async #gap({ raw }: SecureStream): Promise<void> {
    if (this.mode === 'virtual') return await new Promise((resolve) => this.clock.schedule(15, resolve));
    do await new Promise((resolve) => setTimeout(resolve, 2));
    while (raw.queuedBytes > 0 && !raw.isClosed);
  }

  /** Reads to the end. What is not the beginning of `expected`, or ends before it, is kept as wrong for ever. */
  async #readAll(stream: SecureStream, expected: Uint8Array): Promise<void> {
    let offset = 0;
    const reader = stream.readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      if (Buffer.compare(value, expected.subarray(offset, offset + value.length)) !== 0) {
        this.#wrongs.push(`wrong bytes of ${stream.label} at ${offset}`);
      }
      offset += value.length;
    }
    if (offset !== expected.length) this.#wrongs.push(`${stream.label} ended after ${offset} bytes`);
  }
}

const payloadMark = 'this must be readable for nobody';

function labelOf(number: number): string {
  return `secret target of attempt ${number}`;
}

function payloadOf(number: number, bytes: number): Uint8Array {
  const payload = seededRandom(number + 1)(bytes);
  return Buffer.concat([Buffer.from(payloadMark), payload]).subarray(0, bytes);
}

function answerOf(number: number, bytes: number): Uint8Array {
  return seededRandom(1_000_000 + number)(bytes);
}

function codeOf(error: unknown): End {
  if (isSealaneError(error)) return error.code;
  throw error;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
