import {
  type DialOptions,
  type DialTarget,
  RelayClient,
  type SecureConnection,
  type SecureStream,
} from '@sealane/client';
import type { Ticket } from '@sealane/client/ticket';
import { type SealaneError, SessionLimit, systemClock } from '@sealane/types';
import type { TunnelContext } from '../config/context.js';
import { toSealaneError } from '../output/error-line.js';
import { Contact } from './contact.js';
import { dialClientOptions, dialOptions } from './dial-client.js';
import { explainRefusal } from './explain-refusal.js';
import { classifyFailure, doubtfulAttempts } from './failure.js';
import { reportStatus } from './status.js';
import { traceRefusal, traceSession } from './trace-session.js';

export interface StreamOpenerOptions {
  readonly urls: readonly string[];
  readonly target: DialTarget;
  readonly alpn: readonly string[] | undefined;
  readonly identify: boolean;
  readonly ticket?: Ticket | undefined;
}

/** Opens streams to one owner, however often relay, owner or session go away between them. */
export class StreamOpener {
  readonly #context: TunnelContext;
  readonly #target: DialTarget;
  readonly client: RelayClient;
  readonly #dialOptions: DialOptions;
  readonly #contact: Contact;
  readonly #troubles = new Set<() => void>();
  #connected = false;
  #connection: SecureConnection | undefined;

  static async create(context: TunnelContext, options: StreamOpenerOptions): Promise<StreamOpener> {
    const report = reportStatus(context.reporter);
    let opener: StreamOpener | undefined;
    const client = await RelayClient.create(options.urls, {
      ...dialClientOptions(context, options.identify),
      onStatus: (event) => {
        report(event);
        if (event.type === 'link' && event.state === 'waiting' && event.error.retryable) opener?.onTrouble();
        if (event.type === 'session' && event.role === 'dialer' && event.state === 'closed')
          opener?.onLost(event.error);
        if (event.type === 'session' && event.state === 'open') opener?.onOpened(event);
      },
    });
    opener = new StreamOpener(context, client, options);
    return opener;
  }

  constructor(context: TunnelContext, client: RelayClient, options: StreamOpenerOptions) {
    this.#context = context;
    this.client = client;
    this.#target = options.target;
    this.#dialOptions = dialOptions(context, options.alpn, options.ticket);
    this.#contact = new Contact({
      attempt: (signal) => this.#attempt(signal),
      onWaiting: (error, retryInMs) => {
        context.reporter.event({
          event: 'status',
          state: 'waiting',
          code: error.code,
          message: error.message,
          retryInMs: Math.round(retryInMs),
        });
        if (classifyFailure(error) === 'passing') this.onTrouble();
      },
    });
  }

  /**
   * True when the owner was reached, false when relay or owner are away for now. Rejects with a refusal
   * that no waiting can change. Keeps trying in the background after `false`.
   */
  async firstContact(limitMs: number, signal: AbortSignal): Promise<boolean> {
    let tellTrouble: () => void = () => {};
    const trouble = new Promise<false>((resolve) => {
      tellTrouble = () => resolve(false);
      this.#troubles.add(tellTrouble);
    });
    const timer = setTimeout(tellTrouble, limitMs);
    const reached = this.#contact.reach(signal).then(() => true);
    let isDecided = false;
    reached.catch((error: unknown) => {
      if (!isDecided || signal.aborted) return;
      const { code, message } = toSealaneError(error);
      this.#context.reporter.event({ event: 'refused', code, message, ...traceRefusal(error) });
    });
    try {
      return await Promise.race([reached, trouble]);
    } finally {
      isDecided = true;
      clearTimeout(timer);
      this.#troubles.delete(tellTrouble);
    }
  }

  /** One stream of the session that was dialed last, where that has room: nothing has to be waited for. Its opening is held. */
  openNow(): SecureStream | undefined {
    const connection = this.#connection;
    if (!this.#connected || connection === undefined || connection.isSuspended) return undefined;
    const isOld = systemClock.nowMs() - connection.startedMs >= SessionLimit.maxAgeMs;
    return connection.freeStreams === 0 || isOld ? undefined : connection.openStreamNow({}, true);
  }

  /** One stream; waits through passing troubles until the signal ends it. */
  async open(signal: AbortSignal): Promise<SecureStream> {
    for (let doubts = 0; ; ) {
      await this.#contact.reach(signal);
      try {
        return await this.client.openStream(this.#target, { ...this.#dialOptions, signal });
      } catch (thrown) {
        const error = await explainRefusal(thrown, this.#context.peers, this.#target);
        const kind = classifyFailure(error);
        if (kind === 'doubtful') doubts += 1;
        if (signal.aborted || kind === 'final' || doubts >= doubtfulAttempts) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 200));
      }
    }
  }

  async close(deadlineMs: number): Promise<void> {
    // Sessions that end now are no loss.
    this.#connected = false;
    await this.client.close({ deadlineMs });
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    try {
      const connection = await this.client.dial(this.#target, { ...this.#dialOptions, signal });
      this.#connection = connection;
      if (this.#connected) return;
      this.#connected = true;
      this.#tellConnected(connection);
    } catch (error) {
      throw await explainRefusal(error, this.#context.peers, this.#target);
    }
  }

  #tellConnected(session: Pick<SecureConnection, 'peerId' | 'service' | 'connectionId'>): void {
    this.#context.reporter.event({
      event: 'connected',
      peer: session.peerId,
      ...(this.#target.name === undefined ? {} : { name: this.#target.name }),
      service: session.service,
      ...traceSession(session),
    });
  }

  /** One more session beside, or in the place of, the one that was told. */
  private onOpened(session: Pick<SecureConnection, 'peerId' | 'service' | 'connectionId'>): void {
    if (this.#connected) this.#tellConnected(session);
  }

  private onLost(error: SealaneError | undefined): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#context.reporter.event({
      event: 'status',
      state: 'session-lost',
      ...(error === undefined ? {} : { code: error.code }),
    });
  }

  private onTrouble(): void {
    for (const tell of this.#troubles) tell();
  }
}
