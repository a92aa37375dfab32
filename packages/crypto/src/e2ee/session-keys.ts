import { isIntegerWithin, LABEL, ProtocolSize, SealaneError } from '@sealane/types';
import { blake2bKeyed } from '../primitives/blake2b.js';
import { utf8 } from '../primitives/bytes.js';
import { isWellFormed } from './bytes.js';
import type { CipherState } from './noise/cipher-state.js';
import type { NoiseHandshake } from './noise/noise-handshake.js';
import { RecordOpener } from './records/record-opener.js';
import { RecordSealer } from './records/record-sealer.js';
import { type ResumeState, Resumption } from './resumption.js';
import type { SessionRole } from './session-role.js';

const exporterLabel = utf8(`${LABEL}/exporter\0`);

/** What a finished handshake leaves: the keys of one session, in one role. Never written to disk. */
export class SessionKeys {
  readonly role: SessionRole;
  /** The handshake hash, 64 bytes: the same on both sides and on no other session. Not secret. */
  readonly channelBinding: Uint8Array;
  readonly connectionId: Uint8Array;
  /** 16 bytes by which both sides and the relay know the session when it resumes. */
  readonly resumeId: Uint8Array;
  readonly #master: Uint8Array;
  readonly #sealer: RecordSealer;
  readonly #resumption: Resumption;
  readonly #sending: CipherState;
  readonly #receiving: CipherState;
  #isOpenerTaken = false;
  #isSealerTaken = false;
  #isWiped = false;

  /** Takes the completed handshake. `peerMaxPlaintext` bounds what the sealer makes. */
  constructor(handshake: NoiseHandshake, role: SessionRole, connectionId: Uint8Array, peerMaxPlaintext: number) {
    this.role = role;
    this.channelBinding = handshake.handshakeHash;
    this.connectionId = connectionId.slice();
    const { c1, c2, master } = handshake.split();
    this.#master = master;
    [this.#sending, this.#receiving] = role === 'dialer' ? [c1, c2] : [c2, c1];
    this.#sealer = new RecordSealer(this.#sending, role, peerMaxPlaintext);
    this.resumeId = this.#derive('int/resume-id', ProtocolSize.RESUME_ID);
    this.#resumption = new Resumption(role, (label) => this.#derive(label, 32), this.connectionId, this.resumeId);
  }

  /**
   * Key material for an application, the same on both sides: `label` starts with `app/` and has at most 255 bytes,
   * `length` is 16 to 64 bytes. ERR_ARGUMENT otherwise, ERR_E2EE_CLOSED after `wipe`.
   */
  exportKey(label: string, length: number): Uint8Array {
    if (!label.startsWith('app/') || !isWellFormed(label) || utf8(label).length > 255) {
      throw new SealaneError('ERR_ARGUMENT', "an exporter's label starts with app/ and has at most 255 bytes");
    }
    if (!isIntegerWithin(length, 16, 64)) {
      throw new SealaneError('ERR_ARGUMENT', 'exported keys have 16 to 64 bytes');
    }
    return this.#derive(label, length);
  }

  /** The one sealer of this side: a second one would use nonces again, so a second call throws ERR_NOISE_STATE. */
  createSealer(): RecordSealer {
    if (this.#isSealerTaken) throw new SealaneError('ERR_NOISE_STATE');
    this.#isSealerTaken = true;
    return this.#sealer;
  }

  /** The one opener of this side; `maxPlaintext` is what this side named in the handshake. */
  createOpener(maxPlaintext: number): RecordOpener {
    if (this.#isOpenerTaken) throw new SealaneError('ERR_NOISE_STATE');
    this.#isOpenerTaken = true;
    return new RecordOpener(this.#receiving, this.role, maxPlaintext);
  }

  /** This side's RESUME for a path; see {@link Resumption.seal}. */
  sealResume(pathNumber: number, state: ResumeState): Uint8Array {
    return this.#resumption.seal(pathNumber, state);
  }

  /** The other side's RESUME; see {@link Resumption.open}. */
  openResume(pathNumber: number, sealed: Uint8Array): ResumeState {
    return this.#resumption.open(pathNumber, sealed);
  }

  /**
   * Erases every key of the session; the sealer and the opener end with it. With `keepResumption` those of RESUME stay, to
   * tell the peer that the session is over, until a second call. Idempotent.
   */
  wipe(options: { readonly keepResumption?: boolean } = {}): void {
    this.#isWiped = true;
    this.#master.fill(0);
    this.#sending.wipe();
    this.#receiving.wipe();
    if (options.keepResumption !== true) this.#resumption.wipe();
  }

  #derive(label: string, length: number): Uint8Array {
    if (this.#isWiped) throw new SealaneError('ERR_E2EE_CLOSED');
    return blake2bKeyed(length, this.#master, exporterLabel, utf8(label));
  }
}
