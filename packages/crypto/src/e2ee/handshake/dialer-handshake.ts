import {
  isSealaneError,
  isService,
  OwnerCode,
  ownerError,
  ProtocolSize,
  type RandomBytes,
  SealaneError,
  Suite,
  systemRandomBytes,
} from '@sealane/types';
import { type Keycert, parseKeycert } from '../../credential/certificate.js';
import { assertLength, bytesEqual, concatBytes } from '../../primitives/bytes.js';
import { KEM_SEED_BYTES, type KemKeyPair, kemDecapsulate, kemKeyPair } from '../../primitives/ml-kem.js';
import { ByteWriter } from '../bytes.js';
import { NoiseHandshake } from '../noise/noise-handshake.js';
import { SessionKeys } from '../session-keys.js';
import { assertParameters, type SessionParameters } from '../session-parameters.js';
import { Agreements, asNoiseKey } from './agreements.js';
import {
  EPHEMERAL_BYTES,
  type HandshakeCredential,
  MESSAGE_1_HEADER_BYTES,
  MESSAGE_2_NOISE_OVERHEAD_BYTES,
} from './handshake-keys.js';
import { assertAlpn, encodeMessage1Payload, PADDED_TO_BYTES } from './message1-payload.js';
import { type Acceptance, parseMessage2Payload, type Refusal } from './message2-payload.js';
import { createPrologue, derivePsk, suitePattern, usableSuites } from './suites.js';

export interface DialerHandshakeOptions {
  readonly credential: HandshakeCredential;
  /** The owner to reach, verified with parseKeycert. */
  readonly owner: Keycert;
  readonly service: string;
  /** Protocols offered: 1 to 16 of 1 to 64 bytes. */
  readonly alpn: readonly string[];
  /** Every suite allowed; default the hybrid one alone. */
  readonly suites?: readonly Suite[] | undefined;
  /** The one of them to use; default the best. A lesser one only after the owner's sealed DOWNGRADE. */
  readonly suite?: Suite | undefined;
  /** 32 bytes that only admitted dialers hold. With it the classical suite is not used. */
  readonly accessSecret?: Uint8Array | undefined;
  readonly parameters: SessionParameters;
  /** For the owner alone: a ticket of its own making, at most 512 bytes. */
  readonly ticket?: Uint8Array | undefined;
  readonly random?: RandomBytes;
}

export interface DialerResult {
  readonly keys: SessionKeys;
  /** One of those offered. */
  readonly alpn: string;
  readonly suite: Suite;
  /** What the owner takes. */
  readonly peer: SessionParameters;
  /** The owner's process, 16 bytes. */
  readonly instance: Uint8Array;
}

/**
 * The dialer's half of the handshake between two clients (v1.md, "Handshake"). It is for one message 1 and one
 * message 2: whatever fails, its keys are erased and the next attempt takes a new one.
 */
export class DialerHandshake {
  /** 16 random bytes, new for every handshake. */
  readonly connectionId: Uint8Array;
  readonly suite: Suite;
  readonly #options: DialerHandshakeOptions;
  readonly #suites: readonly Suite[];
  readonly #noise: NoiseHandshake;
  readonly #kem: KemKeyPair | undefined;
  /** Set where the platform keeps the static key. */
  readonly #agreements: Agreements | undefined;
  #state: 'new' | 'sent' | 'done' = 'new';

  private constructor(options: DialerHandshakeOptions, suites: readonly Suite[], suite: Suite) {
    const { credential, owner, random = systemRandomBytes } = options;
    const key = credential.handshakeKey(credential.epoch);
    if (key === undefined) throw new SealaneError('ERR_ARGUMENT', 'the credential holds no handshake key');
    const s = asNoiseKey(key);
    this.#agreements = s instanceof Agreements ? s : undefined;
    this.#options = options;
    this.#suites = suites;
    this.suite = suite;
    this.connectionId = random(ProtocolSize.CONNECTION_ID);
    this.#noise = new NoiseHandshake({
      pattern: suitePattern[suite],
      initiator: true,
      prologue: createPrologue(suite, owner.epoch, owner.publicKey, this.connectionId),
      s,
      rs: owner.x25519,
      random,
    });
    if (suite === Suite.HYBRID) {
      const seed = random(KEM_SEED_BYTES);
      this.#kem = kemKeyPair(seed);
      seed.fill(0);
    }
  }

  /** Throws ERR_ARGUMENT for options that no owner would take, ERR_E2EE_SUITE when they leave no suite to use. */
  static create(options: DialerHandshakeOptions): DialerHandshake {
    const { accessSecret } = options;
    if (!isService(options.service)) throw new SealaneError('ERR_ARGUMENT', 'the service is not one');
    if (accessSecret !== undefined) assertLength(accessSecret, ProtocolSize.ACCESS_SECRET, 'an access secret');
    assertAlpn(options.alpn);
    assertParameters(options.parameters, 'ERR_ARGUMENT');
    const suites = usableSuites(options.suites ?? [Suite.HYBRID], accessSecret !== undefined);
    const suite = options.suite ?? suites[0];
    if (suite === undefined || !suites.includes(suite)) {
      throw new SealaneError(
        'ERR_E2EE_SUITE',
        'none of the suites allowed can be used; an access secret needs suite 2',
      );
    }
    return new DialerHandshake(options, suites, suite);
  }

  /**
   * Fetches what message 1 needs of a static key that the platform keeps: await it before {@link createMessage1}.
   * Undefined where nothing has to be waited for.
   */
  prepareMessage1(): Promise<void> | undefined {
    return this.#agreements?.fetch(this.#options.owner.x25519);
  }

  /** As {@link prepareMessage1}, for {@link readMessage2}. */
  prepareMessage2(message: Uint8Array): Promise<void> | undefined {
    const offset = this.#noiseOffset;
    return this.#agreements?.fetch(message.subarray(offset, offset + EPHEMERAL_BYTES));
  }

  /** `suite u8 | owner epoch u32 | noise message`, at most 4,096 bytes. Once: ERR_NOISE_STATE afterwards. */
  createMessage1(): Uint8Array {
    this.#advance('new', 'sent');
    const { credential, owner, service, alpn, parameters, ticket } = this.#options;
    const payload = encodeMessage1Payload({
      keycert: credential.keycert,
      service,
      alpn,
      suites: this.#suites,
      kemPublicKey: this.#kem?.publicKey ?? new Uint8Array(0),
      parameters,
      ticket,
    });
    const header = new ByteWriter(MESSAGE_1_HEADER_BYTES);
    header.u8(this.suite);
    header.u32(owner.epoch);
    return concatBytes([header.bytes, this.#noise.writeMessage(payload)]);
  }

  /**
   * The session that message 2 grants. Throws ERR_E2EE_SUITE when it is of another suite, ERR_E2EE_DAMAGED when it does
   * not open (changed on its way, or another access secret), the owner's sealed refusal (ERR_E2EE_DENIED, _NO_ALPN,
   * _NO_TARGET, _DOWNGRADE, _BUSY; its text is the owner's reason), or ERR_E2EE_HANDSHAKE when the owner broke the rules.
   */
  readMessage2(message: Uint8Array): DialerResult {
    this.#advance('sent', 'done');
    try {
      return this.#finish(this.#openMessage2(message));
    } finally {
      this.wipe();
    }
  }

  /** Gives the handshake up and erases its keys. Idempotent. */
  wipe(): void {
    this.#state = 'done';
    this.#noise.wipe();
    this.#kem?.secretKey.fill(0);
    this.#agreements?.wipe();
  }

  get #noiseOffset(): number {
    return this.#kem === undefined ? 1 : 1 + ProtocolSize.KEM_CIPHERTEXT;
  }

  #openMessage2(message: Uint8Array): Acceptance | Refusal {
    if (message.length > 0 && message[0] !== this.suite) throw new SealaneError('ERR_E2EE_SUITE');
    const noiseOffset = this.#noiseOffset;
    const payloadBytes = message.length - noiseOffset - MESSAGE_2_NOISE_OVERHEAD_BYTES;
    if (message.length > ProtocolSize.HANDSHAKE || payloadBytes < PADDED_TO_BYTES || payloadBytes % PADDED_TO_BYTES) {
      throw new SealaneError('ERR_E2EE_DAMAGED');
    }
    if (this.#kem !== undefined) {
      const ciphertext = message.subarray(1, noiseOffset);
      const secret = kemDecapsulate(ciphertext, this.#kem.secretKey);
      this.#noise.setPsk(0, derivePsk(secret, ciphertext, this.#kem.publicKey, this.#options.accessSecret));
      secret.fill(0);
    }
    let payload: Uint8Array;
    try {
      payload = this.#noise.readMessage(message.subarray(noiseOffset));
    } catch (error) {
      throw isSealaneError(error, 'ERR_NOISE_MESSAGE') ? new SealaneError('ERR_E2EE_DAMAGED') : error;
    }
    return parseMessage2Payload(payload);
  }

  #finish(answer: Acceptance | Refusal): DialerResult {
    if (!isAcceptance(answer)) throw this.#refusalError(answer);
    const { alpn, parameters, instance } = answer;
    if (!this.#options.alpn.includes(alpn)) {
      throw new SealaneError('ERR_E2EE_HANDSHAKE', 'the owner chose a protocol that was not offered');
    }
    const keys = new SessionKeys(this.#noise, 'dialer', this.connectionId, parameters.maxRecordPlaintext);
    return { keys, alpn, suite: this.suite, peer: parameters, instance };
  }

  /** Newer keys count only with a keycert that this identity signed itself; without one it is a refusal like others. */
  #refusalError(refusal: Refusal): SealaneError {
    const { credential } = this.#options;
    const newer = refusal.newerKeycert && parseOwn(refusal.newerKeycert, credential.publicKey);
    if (newer === undefined || newer.epoch <= credential.epoch) return ownerError(refusal.code, refusal.reason);
    return new SealaneError(
      'ERR_E2EE_KEYCERT',
      `the owner has seen newer keys of this identity (epoch ${newer.epoch})`,
      {
        details: { knownEpoch: newer.epoch, epoch: credential.epoch, keycert: newer.bytes },
      },
    );
  }

  #advance(from: 'new' | 'sent', to: 'sent' | 'done'): void {
    if (this.#state !== from) throw new SealaneError('ERR_NOISE_STATE', 'a handshake is used once, in order');
    this.#state = to;
  }
}

function parseOwn(bytes: Uint8Array, publicKey: Uint8Array): Keycert | undefined {
  try {
    const keycert = parseKeycert(bytes);
    return bytesEqual(keycert.publicKey, publicKey) ? keycert : undefined;
  } catch {
    return undefined;
  }
}

function isAcceptance(answer: Acceptance | Refusal): answer is Acceptance {
  return answer.code === OwnerCode.OK;
}
