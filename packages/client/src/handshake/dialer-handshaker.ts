import type { Identity, Keycert } from '@sealane/crypto/credential';
import { encodeId } from '@sealane/crypto/credential';
import { DialerHandshake } from '@sealane/crypto/e2ee';
import { type ControlMessage, encodeOpen } from '@sealane/protocol';
import {
  isSealaneError,
  MessageKind,
  OpenKind,
  RelayCode,
  ResetCode,
  relayError,
  SealaneError,
  Suite,
} from '@sealane/types';
import { abortedBy, whenAborted } from '../abort-signal.js';
import { asSealaneError } from '../as-sealane-error.js';
import type { ClientContext } from '../client-context.js';
import { takeKeycert } from '../keycert-book.js';
import { unasked } from '../link/link-error.js';
import type { RelayLink } from '../link/relay-link.js';
import type { DialTicket } from '../options.js';
import { ResumptionOffer } from '../resume/offer.js';
import type { ResumeLinks } from '../resume/resumer.js';
import { Deferred } from '../session/deferred.js';
import { LinkStreamPath } from '../session/link-stream-path.js';
import type { SecureConnection } from '../session/secure-connection.js';
import { createDialedSession } from './dialed-session.js';
import { endedEarly } from './early-end.js';

export interface DialRequest {
  readonly link: RelayLink;
  readonly owner: Keycert;
  readonly service: string;
  readonly alpn: readonly string[];
  readonly suites: readonly Suite[];
  readonly accessSecret: Uint8Array | undefined;
  readonly ticket?: DialTicket | undefined;
  readonly signal: AbortSignal | undefined;
  /** Where the session looks for another path when its first one breaks. */
  readonly links?: ResumeLinks | undefined;
  readonly onInterrupted?: ((connection: SecureConnection, cause: SealaneError) => void) | undefined;
  readonly onResumed?: ((connection: SecureConnection, gapMs: number) => void) | undefined;
  /** One attempt to resume it failed over the link. */
  readonly onResumeFailed?: ((connection: SecureConnection, link: RelayLink) => void) | undefined;
  readonly onChange?: ((connection: SecureConnection) => void) | undefined;
  readonly onEnd?: ((connection: SecureConnection, error: SealaneError | undefined) => void) | undefined;
}

/** A relay's HELD makes the wait this much longer. */
const HELD_MS = 5_000;

/**
 * The dialer's side of CONNECT and the handshake inside it: one round trip. Every attempt has fresh keys; there is a
 * second attempt only after the owner's own newer keycert, or its sealed DOWNGRADE to a suite that the caller allows.
 */
export async function dialSession(context: ClientContext, request: DialRequest): Promise<SecureConnection> {
  let { owner } = request;
  let suite: Suite | undefined;
  for (let retried = false; ; retried = true) {
    try {
      return await attempt(context, request, owner, suite);
    } catch (error) {
      if (retried) throw error;
      const newer = await newerKeycert(context, owner, error);
      if (newer !== undefined) owner = newer;
      else if (isSealaneError(error, 'ERR_E2EE_DOWNGRADE') && allowsClassical(request)) suite = Suite.CLASSICAL;
      else throw error;
    }
  }
}

function allowsClassical(request: DialRequest): boolean {
  return request.accessSecret === undefined && request.suites.includes(Suite.CLASSICAL);
}

async function newerKeycert(context: ClientContext, owner: Keycert, error: unknown): Promise<Keycert | undefined> {
  if (!isSealaneError(error, 'ERR_RELAY_KEYCERT')) return undefined;
  const bytes = error.details['keycert'];
  if (!(bytes instanceof Uint8Array)) return undefined;
  const keycert = await takeKeycert(context.keycerts, encodeId(owner.publicKey), bytes);
  return keycert.epoch > owner.epoch ? keycert : undefined;
}

async function attempt(
  context: ClientContext,
  request: DialRequest,
  owner: Keycert,
  suite: Suite | undefined,
): Promise<SecureConnection> {
  const { signal } = request;
  const credential = await context.currentCredential();
  if (signal?.aborted) throw abortedBy(signal);
  const dial = new DialAttempt(context, request, owner, suite, credential);
  const stop = whenAborted(signal, (error) => dial.fail(error));
  try {
    await dial.start();
    return await dial.result;
  } finally {
    stop();
  }
}

class DialAttempt {
  readonly #result = new Deferred<SecureConnection>();
  readonly #context: ClientContext;
  readonly #request: DialRequest;
  readonly #owner: Keycert;
  readonly #handshake: DialerHandshake;
  readonly #offer: ResumptionOffer;
  readonly #path: LinkStreamPath;
  #startedMs = 0;
  #timer: { cancel(): void } | undefined;
  #isHeld = false;
  #isAnswered = false;
  #isDone = false;

  constructor(
    context: ClientContext,
    request: DialRequest,
    owner: Keycert,
    suite: Suite | undefined,
    credential: Identity,
  ) {
    this.#context = context;
    this.#request = request;
    this.#owner = owner;
    this.#offer = new ResumptionOffer(context, request.link, 'dialer');
    this.#handshake = DialerHandshake.create({
      credential,
      owner,
      service: request.service,
      alpn: request.alpn,
      suites: request.suites,
      parameters: this.#offer.parameters,
      random: context.random,
      ticket: request.ticket?.whole,
      suite,
      accessSecret: request.accessSecret,
    });
    this.#path = new LinkStreamPath(request.link, {
      onMessage: (message) => this.#onMessage(message),
      onData: () => this.fail(unasked()),
      onEnd: (error) => {
        // A refusal's end must not overtake it while the platform's key is waited for.
        if (!this.#isAnswered) this.fail(endedEarly(error));
      },
    });
  }

  get result(): Promise<SecureConnection> {
    return this.#result.promise;
  }

  async start(): Promise<void> {
    const { link, service } = this.#request;
    try {
      await this.#handshake.prepareMessage1();
      if (this.#isDone) return;
      const open = encodeOpen({
        kind: OpenKind.CONNECT,
        owner: this.#owner.publicKey,
        service,
        connectionId: this.#handshake.connectionId,
        message1: this.#handshake.createMessage1(),
      });
      this.#startedMs = this.#context.clock.nowMs();
      this.#path.bind(link.openStream(open, this.#path));
    } catch (error) {
      this.#offer.drop();
      this.#handshake.wipe();
      // The owner signed a handshake key that no handshake can be made with.
      if (isSealaneError(error, 'ERR_NOISE_MESSAGE')) {
        throw new SealaneError('ERR_E2EE_HANDSHAKE', 'the key of the owner is none', { cause: error });
      }
      throw error;
    }
    this.#startTimer(this.#context.timing.requestTimeoutMs);
  }

  fail(error: SealaneError): void {
    if (this.#isDone) return;
    this.#finish();
    this.#offer.drop();
    this.#handshake.wipe();
    this.#path.reset(ResetCode.CANCELLED);
    this.#result.reject(error);
  }

  /** Told with the id by which relay and owner know the request. */
  #refuse(error: SealaneError): void {
    Object.assign(error.details, { connectionId: this.#handshake.connectionId });
    this.fail(error);
  }

  #startTimer(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#context.clock.schedule(delayMs, () => {
      this.fail(new SealaneError('ERR_E2EE_TIMEOUT', undefined, { retryable: true }));
    });
  }

  #onMessage(message: ControlMessage): void {
    switch (message.kind) {
      case MessageKind.HELD:
        if (this.#isDone || this.#isHeld) return;
        this.#isHeld = true;
        this.#startTimer(this.#context.timing.requestTimeoutMs + HELD_MS);
        return;
      case MessageKind.REJECT:
        this.#refuse(rejection(message.code, message.text, message.keycert));
        return;
      case MessageKind.ACCEPT:
        if (message.message2 !== null) {
          this.#onMessage2(message.message2);
          return;
        }
        this.fail(new SealaneError('ERR_E2EE_HANDSHAKE'));
        return;
      default:
        this.fail(unasked());
        return;
    }
  }

  /** No data may follow before CONFIRM, so a wait for the platform's key changes no order. */
  #onMessage2(message2: Uint8Array): void {
    if (this.#isDone || this.#isAnswered) return;
    this.#isAnswered = true;
    const preparing = this.#handshake.prepareMessage2(message2);
    if (preparing === undefined) {
      this.#finishHandshake(message2);
      return;
    }
    preparing.then(
      () => this.#finishHandshake(message2),
      (cause) => this.fail(new SealaneError('ERR_INTERNAL', 'the identity cannot agree', { cause })),
    );
  }

  #finishHandshake(message2: Uint8Array): void {
    if (this.#isDone) return;
    const handshakeMs = this.#context.clock.nowMs() - this.#startedMs;
    let connection: SecureConnection;
    try {
      const result = this.#handshake.readMessage2(message2);
      if (this.#path.isEnded) {
        result.keys.wipe();
        throw new SealaneError('ERR_E2EE_TRUNCATED');
      }
      connection = createDialedSession(this.#context, this.#request, this.#owner, this.#offer, result, handshakeMs);
    } catch (cause) {
      this.#refuse(asSealaneError(cause));
      return;
    }
    this.#finish();
    // The path wakes the session, whose first record is CONFIRM.
    connection.attachPath(this.#path);
    this.#result.resolve(connection);
  }

  #finish(): void {
    this.#isDone = true;
    this.#timer?.cancel();
  }
}

function rejection(code: number, text: string, keycert: Uint8Array | null): SealaneError {
  const details = code === RelayCode.KEYCERT && keycert !== null ? { keycert: keycert.slice() } : {};
  return relayError(code, text || undefined, { details });
}
