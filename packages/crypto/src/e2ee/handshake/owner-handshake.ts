import {
  isSealaneError,
  OwnerCode,
  ProtocolSize,
  type RandomBytes,
  SealaneError,
  Suite,
  systemRandomBytes,
} from '@sealane/types';
import { type Keycert, parseKeycert } from '../../credential/certificate.js';
import { encodeId } from '../../credential/id.js';
import { assertLength, bytesEqual, concatBytes, readU32 } from '../../primitives/bytes.js';
import { KEM_ENCAPS_SEED_BYTES, kemEncapsulate } from '../../primitives/ml-kem.js';
import { ByteReader } from '../bytes.js';
import { NoiseHandshake } from '../noise/noise-handshake.js';
import { SessionKeys } from '../session-keys.js';
import { assertParameters, type SessionParameters } from '../session-parameters.js';
import { Agreements, MissingAgreement } from './agreements.js';
import {
  EPHEMERAL_BYTES,
  type HandshakeCredential,
  MESSAGE_1_HEADER_BYTES,
  MESSAGE_1_OVERHEAD_BYTES,
} from './handshake-keys.js';
import { type Message1Payload, PADDED_TO_BYTES, parseMessage1Payload } from './message1-payload.js';
import { encodeAcceptance, encodeRefusal } from './message2-payload.js';
import { createPrologue, derivePsk, isSuite, suitePattern, usableSuites } from './suites.js';

export interface OwnerHandshakeOptions {
  readonly credential: HandshakeCredential;
  /** From the request that brought message 1, 16 bytes. */
  readonly connectionId: Uint8Array;
  /** Every suite allowed; default the hybrid one alone. */
  readonly suites?: readonly Suite[] | undefined;
  /** 32 bytes that only admitted dialers hold. With it the classical suite is not used. */
  readonly accessSecret?: Uint8Array | undefined;
  readonly random?: RandomBytes;
}

export interface AcceptOptions {
  /** One of those that the dialer offered. */
  readonly alpn: string;
  readonly parameters: SessionParameters;
  /** This process, 16 bytes; see createInstance. */
  readonly instance: Uint8Array;
}

export interface OwnerResult {
  readonly message2: Uint8Array;
  readonly keys: SessionKeys;
}

/**
 * The owner's half of the handshake between two clients (v1.md, "Handshake"): opened with message 1, answered once.
 * What it says of the peer is authenticated but may be a replay: nothing may come of it until the dialer's CONFIRM
 * has opened. Size, budget and repeated connection ids are the caller's to check before.
 */
export class OwnerHandshake {
  /** Verified, and of the static key that message 1 used. */
  readonly peer: Keycert;
  /** The peer's id text. */
  readonly peerId: string;
  readonly service: string;
  /** Offered, in the dialer's order. */
  readonly alpn: readonly string[];
  /** Every suite that the dialer allows; numbers of later versions may be among them. */
  readonly peerSuites: readonly number[];
  readonly suite: Suite;
  /** What the dialer takes. */
  readonly parameters: SessionParameters;
  /** What the dialer shows as a ticket; not read yet. */
  readonly ticket: Uint8Array | undefined;
  /** The suite in use is not the best that both allow: the caller must refuse with DOWNGRADE. */
  readonly downgrade: boolean;
  readonly #noise: NoiseHandshake;
  readonly #kemPublicKey: Uint8Array;
  readonly #options: OwnerHandshakeOptions;
  #isAnswered = false;

  private constructor(
    noise: NoiseHandshake,
    suite: Suite,
    peer: Keycert,
    payload: Message1Payload,
    options: OwnerHandshakeOptions,
  ) {
    this.#noise = noise;
    this.#options = options;
    this.#kemPublicKey = payload.kemPublicKey;
    this.suite = suite;
    this.peer = peer;
    this.peerId = encodeId(peer.publicKey);
    this.service = payload.service;
    this.alpn = payload.alpn;
    this.peerSuites = payload.suites;
    this.parameters = payload.parameters;
    this.ticket = payload.ticket;
    const own = usableSuites(options.suites ?? [Suite.HYBRID], options.accessSecret !== undefined);
    this.downgrade = usableSuites(payload.suites, false).find((known) => own.includes(known)) !== suite;
  }

  /**
   * Opens message 1. Throws ERR_E2EE_SUITE for a suite that is not known here, ERR_E2EE_EPOCH for an epoch that is not
   * held (`details.keycert` has the current keycert's bytes, for REJECT), ERR_E2EE_HANDSHAKE for everything else.
   */
  static open(message: Uint8Array, options: OwnerHandshakeOptions): OwnerHandshake {
    return OwnerHandshake.#open(message, options, undefined);
  }

  /**
   * As {@link open}, also where the platform keeps the static key. The second agreement is with a key that is read with
   * the first one, so message 1 is read once more when that one is at hand; reading has no effect but its result.
   */
  static async openWith(message: Uint8Array, options: OwnerHandshakeOptions): Promise<OwnerHandshake> {
    const epoch = message.length < MESSAGE_1_HEADER_BYTES ? 0 : readU32(message, 1);
    const key = options.credential.handshakeKey(epoch);
    if (key === undefined || 'secret' in key) return OwnerHandshake.#open(message, options, undefined);
    const agreements = new Agreements(key);
    try {
      const ephemeral = message.subarray(MESSAGE_1_HEADER_BYTES, MESSAGE_1_HEADER_BYTES + EPHEMERAL_BYTES);
      await agreements.fetch(ephemeral);
      try {
        return OwnerHandshake.#open(message, options, agreements);
      } catch (error) {
        if (!(error instanceof MissingAgreement)) throw error;
        await agreements.fetch(error.publicKey);
        return OwnerHandshake.#open(message, options, agreements);
      }
    } finally {
      agreements.wipe();
    }
  }

  static #open(
    message: Uint8Array,
    options: OwnerHandshakeOptions,
    agreements: Agreements | undefined,
  ): OwnerHandshake {
    const { credential, connectionId, accessSecret, random = systemRandomBytes } = options;
    if (accessSecret !== undefined) assertLength(accessSecret, ProtocolSize.ACCESS_SECRET, 'an access secret');
    const payloadBytes = message.length - MESSAGE_1_OVERHEAD_BYTES;
    const reader = new ByteReader(message, 'ERR_E2EE_HANDSHAKE');
    if (message.length > ProtocolSize.HANDSHAKE || payloadBytes < PADDED_TO_BYTES || payloadBytes % PADDED_TO_BYTES) {
      reader.fail('message 1 has a wrong length');
    }
    if (connectionId.length !== ProtocolSize.CONNECTION_ID) reader.fail('a connection id has 16 bytes');
    const suite = reader.u8();
    if (!isSuite(suite)) throw new SealaneError('ERR_E2EE_SUITE', 'message 1 is of a suite that is not known here');
    const epoch = reader.u32();
    const key = credential.handshakeKey(epoch);
    if (key === undefined) {
      throw new SealaneError('ERR_E2EE_EPOCH', undefined, { details: { keycert: credential.keycert } });
    }
    const s = agreements ?? key;
    if (!('secret' in s || s instanceof Agreements)) {
      throw new SealaneError('ERR_ARGUMENT', 'a key that the platform keeps needs openWith');
    }
    const noise = new NoiseHandshake({
      pattern: suitePattern[suite],
      initiator: false,
      prologue: createPrologue(suite, epoch, credential.publicKey, connectionId),
      s,
      random,
    });
    try {
      const payload = parseMessage1Payload(noise.readMessage(message.subarray(MESSAGE_1_HEADER_BYTES)), suite);
      const peer = parseKeycert(payload.keycert);
      if (noise.remoteStatic === undefined || !bytesEqual(peer.x25519, noise.remoteStatic)) {
        reader.fail('the keycert names another key than the one used');
      }
      return new OwnerHandshake(noise, suite, peer, payload, options);
    } catch (error) {
      noise.wipe();
      throw toHandshakeError(error);
    }
  }

  /**
   * Message 2 that grants the session, and its keys. Throws ERR_ARGUMENT for a protocol that was not offered or
   * parameters out of range, ERR_E2EE_DOWNGRADE when `downgrade` is set, ERR_E2EE_HANDSHAKE when the dialer's KEM key is
   * not one; ERR_NOISE_STATE when it was answered already.
   */
  accept(options: AcceptOptions): OwnerResult {
    const { alpn, parameters, instance } = options;
    if (this.downgrade) throw new SealaneError('ERR_E2EE_DOWNGRADE');
    if (!this.alpn.includes(alpn)) throw new SealaneError('ERR_ARGUMENT', 'the protocol was not offered');
    assertLength(instance, ProtocolSize.INSTANCE, 'an instance');
    assertParameters(parameters, 'ERR_ARGUMENT');
    const message2 = this.#createMessage2(encodeAcceptance({ alpn, parameters, instance }));
    const { connectionId } = this.#options;
    const keys = new SessionKeys(this.#noise, 'owner', connectionId, this.parameters.maxRecordPlaintext);
    return { message2, keys };
  }

  /**
   * Message 2 that refuses, as long as one that grants. `reason` is for people and cut to 96 bytes of UTF-8. With
   * `newerKeycert`, a keycert of the peer of a higher epoch than the one it used, the reason is left out.
   */
  refuse(code: OwnerCode, reason?: string, newerKeycert?: Uint8Array): Uint8Array {
    if (code === OwnerCode.OK) throw new SealaneError('ERR_ARGUMENT', 'OK is no refusal');
    const message2 = this.#createMessage2(encodeRefusal(code, reason, newerKeycert));
    this.wipe();
    return message2;
  }

  /** Leaves message 1 unanswered and erases its keys. Idempotent. */
  wipe(): void {
    this.#isAnswered = true;
    this.#noise.wipe();
  }

  #createMessage2(payload: Uint8Array): Uint8Array {
    if (this.#isAnswered) throw new SealaneError('ERR_NOISE_STATE', 'message 1 was answered already');
    this.#isAnswered = true;
    try {
      const header: Uint8Array[] = [Uint8Array.of(this.suite)];
      if (this.suite === Suite.HYBRID) {
        const seed = (this.#options.random ?? systemRandomBytes)(KEM_ENCAPS_SEED_BYTES);
        const { ciphertext, sharedSecret } = kemEncapsulate(this.#kemPublicKey, seed);
        this.#noise.setPsk(0, derivePsk(sharedSecret, ciphertext, this.#kemPublicKey, this.#options.accessSecret));
        seed.fill(0);
        sharedSecret.fill(0);
        header.push(ciphertext);
      }
      return concatBytes([...header, this.#noise.writeMessage(payload)]);
    } catch (error) {
      this.wipe();
      throw toHandshakeError(error);
    }
  }
}

/** A message that does not open and a keycert that does not verify are one refusal to whoever sent it. */
function toHandshakeError(error: unknown): unknown {
  return isSealaneError(error, 'ERR_NOISE_MESSAGE', 'ERR_KEYCERT_INVALID')
    ? new SealaneError('ERR_E2EE_HANDSHAKE', undefined, { cause: error })
    : error;
}
