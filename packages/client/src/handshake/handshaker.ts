import { bytesEqual } from '@sealane/crypto';
import type { Identity } from '@sealane/crypto/credential';
import { OwnerHandshake } from '@sealane/crypto/e2ee';
import type { MuxStream } from '@sealane/mux';
import {
  decodeForward,
  encodeHandshakeMessage,
  type ForwardConnect,
  type HandshakeRead,
  HandshakeReader,
  type Reject,
} from '@sealane/protocol';
import { isSealaneError, MessageKind, OpenKind, OwnerCode, RelayCode, ResetCode, SessionLimit } from '@sealane/types';
import { asSealaneError } from '../as-sealane-error.js';
import type { ClientContext } from '../client-context.js';
import type { RelayLink } from '../link/relay-link.js';
import { DEFAULT_ALPN } from '../options.js';
import type { ResumableSessions } from '../resume/resumable-sessions.js';
import { LinkStreamPath } from '../session/link-stream-path.js';
import { Admission, type Unconfirmed, UnconfirmedTable } from './admission.js';
import type { OwnedService } from './owned-service.js';
import { createOwnerSession, type OwnerSessionParts, TOO_MANY_SESSIONS } from './owner-session.js';

interface Refusal {
  readonly code: OwnerCode;
  readonly reason?: string;
  /** What shows the peer that its keys were replaced. */
  readonly newerKeycert?: Uint8Array | undefined;
}

export interface HandshakerOptions {
  readonly context: ClientContext;
  readonly link: RelayLink;
  readonly findService: (service: string) => OwnedService | undefined;
  /** Sessions of this client that a forwarded RESUME may be for, whatever link they began on. */
  readonly resumable: ResumableSessions;
  readonly events: OwnerSessionParts['events'];
}

/**
 * The owner's half of the handshake between two clients (v1.md, "Handshake"), for the requests that the relay forwards on
 * one link; the dialer's is `dialSession`. Nothing it does before CONFIRM has an effect.
 */
export class Handshaker {
  readonly #context: ClientContext;
  readonly #link: RelayLink;
  readonly #findService: (service: string) => OwnedService | undefined;
  readonly #resumable: ResumableSessions;
  readonly #events: OwnerSessionParts['events'];
  readonly #admission: Admission;
  readonly #unconfirmed: UnconfirmedTable;

  constructor(options: HandshakerOptions) {
    this.#context = options.context;
    this.#link = options.link;
    this.#findService = options.findService;
    this.#resumable = options.resumable;
    this.#events = options.events;
    this.#admission = new Admission(options.context.clock);
    this.#unconfirmed = new UnconfirmedTable(options.context.clock);
  }

  /** Takes a forwarded OPEN. ERR_PROTOCOL_* of a malformed one is the relay's fault and ends the link. */
  onForward(stream: MuxStream, open: Uint8Array): void {
    const request = decodeForward(open);
    if (request.kind === OpenKind.RESUME) {
      if (this.#admission.takeToken()) this.#resumable.onForward(this.#link, stream, request);
      else this.#rejectUnseen(stream, RelayCode.BUSY);
      return;
    }
    const service = this.#findService(request.service);
    if (service === undefined) {
      this.#rejectUnseen(stream, RelayCode.NO_OWNER);
      return;
    }
    if (!this.#admission.takeToken()) {
      this.#rejectUnseen(stream, RelayCode.BUSY);
      return;
    }
    if (!this.#admission.isNew(request.connectionId)) {
      this.#rejectUnseen(stream, RelayCode.MALFORMED);
      return;
    }
    this.#receiveMessage1(stream, request, service);
  }

  /** The link is gone. What can be resumed has the rest of its time for it. */
  close(): void {
    this.#unconfirmed.dropBound();
  }

  #rejectUnseen(stream: MuxStream, code: RelayCode): void {
    stream.handler = { onData: (chunk) => stream.consume(chunk.length), onReset: () => undefined };
    this.#link.sendMessage(stream, { kind: MessageKind.REJECT, code, keycert: null, text: '' });
    stream.end();
    this.#link.resetLater(stream);
  }

  #receiveMessage1(stream: MuxStream, request: ForwardConnect, service: OwnedService): void {
    const reader = new HandshakeReader();
    const waiting: Unconfirmed = { drop: () => path.reset(ResetCode.TIMEOUT) };
    const begin = (message1: Uint8Array, inline: boolean): void => {
      this.#unconfirmed.remove(waiting);
      this.#answer(path, request, service, message1, inline).catch((cause: unknown) => {
        this.#reject(path, RelayCode.INTERNAL, null, inline);
        this.#context.onStatus({ type: 'fault', service: service.service, error: asSealaneError(cause) });
      });
    };
    // A stranger wrote what comes here: it costs that stream alone, never the link.
    const refuse = (): void => {
      this.#unconfirmed.remove(waiting);
      path.reset(ResetCode.PROTOCOL);
    };
    let message1Taken = request.message1 !== null;
    const path = new LinkStreamPath(this.#link, {
      onMessage: refuse,
      onData: (chunk) => {
        if (message1Taken) return refuse();
        path.returnCredit(chunk.length);
        const read = tryRead(reader, chunk);
        if (read === undefined) return;
        if (read === 'malformed' || read.rest.length > 0) return refuse();
        message1Taken = true;
        begin(read.message.slice(), false);
      },
      onEnd: () => this.#unconfirmed.remove(waiting),
    });
    path.bind(stream);
    stream.handler = path;
    if (request.message1 !== null) {
      begin(request.message1, true);
      return;
    }
    this.#unconfirmed.add(waiting);
    path.sendMessage({ kind: MessageKind.ACCEPT, message2: null, resume: null });
  }

  async #answer(
    path: LinkStreamPath,
    request: ForwardConnect,
    service: OwnedService,
    message1: Uint8Array,
    inline: boolean,
  ): Promise<void> {
    const credential = await this.#context.currentCredential();
    if (path.isEnded) return;
    const handshake = await this.#open(path, credential, request, service, message1, inline);
    if (handshake === undefined) return;
    if (path.isEnded) return handshake.wipe();
    const refusal = await this.#unconfirmed.inTime(
      this.#judge(handshake, service, request.service),
      { code: OwnerCode.BUSY },
      () => path.reset(ResetCode.TIMEOUT),
    );
    if (path.isEnded) return handshake.wipe();
    const alpn = chooseAlpn(service, handshake.alpn);
    try {
      if (refusal !== undefined) return this.#refuse(path, handshake, refusal, inline);
      if (alpn === undefined) return this.#refuse(path, handshake, { code: OwnerCode.NO_ALPN }, inline);
      this.#accept(path, handshake, service, alpn, inline);
    } catch (error) {
      handshake.wipe();
      // The KEM key in message 1 is none. Strangers cause this, so nobody is told but the peer.
      if (isSealaneError(error, 'ERR_E2EE_HANDSHAKE')) return this.#reject(path, RelayCode.MALFORMED, null, inline);
      throw error;
    }
  }

  async #open(
    path: LinkStreamPath,
    credential: Identity,
    request: ForwardConnect,
    service: OwnedService,
    message1: Uint8Array,
    inline: boolean,
  ): Promise<OwnerHandshake | undefined> {
    if (!bytesEqual(request.owner, credential.publicKey)) return this.#reject(path, RelayCode.NO_OWNER, null, inline);
    const { suites, accessSecret } = service.options;
    try {
      return await OwnerHandshake.openWith(message1, {
        credential,
        connectionId: request.connectionId,
        suites,
        random: this.#context.random,
        accessSecret,
      });
    } catch (error) {
      const isEpoch = isSealaneError(error, 'ERR_E2EE_EPOCH');
      if (isEpoch) return this.#reject(path, RelayCode.KEYCERT, credential.keycert, inline);
      // For a peer of a later version, whose people then read why. It says nothing that the peer did not send.
      if (isSealaneError(error)) return this.#reject(path, RelayCode.MALFORMED, null, inline, error.message);
      throw error;
    }
  }

  /** After ACCEPT there is no REJECT any more, and a relay may end the link of who sends one. */
  #reject(path: LinkStreamPath, code: RelayCode, keycert: Uint8Array | null, inline: boolean, text = ''): undefined {
    if (!inline) {
      path.reset(ResetCode.PROTOCOL);
      return undefined;
    }
    const message: Reject = { kind: MessageKind.REJECT, code, keycert, text };
    path.sendMessage(message);
    path.end();
    return undefined;
  }

  /** Questions without side effects: the peer is authenticated, but its message may be an old one sent again. */
  async #judge(
    handshake: OwnerHandshake,
    service: OwnedService,
    forwardedService: string,
  ): Promise<Refusal | undefined> {
    if (handshake.downgrade) return { code: OwnerCode.DOWNGRADE };
    if (handshake.service !== service.service || forwardedService !== service.service) {
      return { code: OwnerCode.NO_TARGET };
    }
    try {
      await this.#context.keycerts.assertNotOlder(handshake.peer);
    } catch {
      const known = await this.#context.keycerts.newest(handshake.peerId);
      const newerKeycert = known !== undefined && known.epoch > handshake.peer.epoch ? known.bytes : undefined;
      return { code: OwnerCode.DENIED, reason: 'this key was replaced by a newer one', newerKeycert };
    }
    const decision = await decide(handshake, service);
    if (decision !== undefined) return decision;
    if (service.openSessionsOf(handshake.peerId) >= SessionLimit.maxSessionsPerPeer) {
      return { code: OwnerCode.BUSY, reason: TOO_MANY_SESSIONS };
    }
    return undefined;
  }

  #refuse(path: LinkStreamPath, handshake: OwnerHandshake, refusal: Refusal, inline: boolean): void {
    this.#sendMessage2(path, handshake.refuse(refusal.code, refusal.reason, refusal.newerKeycert), inline);
    path.end();
  }

  #accept(path: LinkStreamPath, handshake: OwnerHandshake, service: OwnedService, alpn: string, inline: boolean): void {
    const { connection, message2 } = createOwnerSession(handshake, {
      context: this.#context,
      link: this.#link,
      unconfirmed: this.#unconfirmed,
      resumable: this.#resumable,
      service,
      alpn,
      events: this.#events,
    });
    this.#sendMessage2(path, message2, inline);
    connection.attachPath(path);
  }

  #sendMessage2(path: LinkStreamPath, message2: Uint8Array, inline: boolean): void {
    if (inline) path.sendMessage({ kind: MessageKind.ACCEPT, message2, resume: null });
    else path.sendPlain(encodeHandshakeMessage(message2));
  }
}

function tryRead(reader: HandshakeReader, chunk: Uint8Array): HandshakeRead | 'malformed' | undefined {
  try {
    return reader.push(chunk);
  } catch {
    return 'malformed';
  }
}

async function decide(handshake: OwnerHandshake, service: OwnedService): Promise<Refusal | undefined> {
  const { peerId, peer, alpn } = handshake;
  try {
    const decision = await service.options.accept({
      id: peerId,
      epoch: peer.epoch,
      alpn: [...alpn],
      service: service.service,
      ticket: handshake.ticket,
    });
    if (decision === true) return undefined;
    if (decision === false) return { code: OwnerCode.DENIED };
    return { code: OwnerCode.DENIED, reason: decision.deny };
  } catch {
    return { code: OwnerCode.DENIED };
  }
}

function chooseAlpn(service: OwnedService, offered: readonly string[]): string | undefined {
  return (service.options.alpn ?? [DEFAULT_ALPN]).find((protocol) => offered.includes(protocol));
}
