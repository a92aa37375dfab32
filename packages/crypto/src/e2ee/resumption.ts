import { ProtocolSize, SealaneError } from '@sealane/types';
import { AeadKey } from '../primitives/aead.js';
import { concatBytes } from '../primitives/bytes.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { SessionRole } from './session-role.js';

/** Bytes of a sealed RESUME. */
export const RESUME_BYTES: number = 2 + 8 + 8 + ProtocolSize.RECORD_TAG;

/** What each side says when a session moves to another path (v1.md, "Resumption"). */
export interface ResumeState {
  /** 0, or why this side does not go on: an AbortCode. */
  readonly status: number;
  /** Number of the next record that this side expects. */
  readonly nextExpected: number;
  /** Number that the next new record of this side will get. */
  readonly nextSealed: number;
}

/** The keys with which one side seals and opens RESUME. They outlive the record keys of an ended session. */
export class Resumption {
  readonly #sealKey: AeadKey;
  readonly #openKey: AeadKey;
  readonly #ad: Uint8Array;
  #lastSealed = 0;

  /** `deriveKey` is the session's internal exporter. Both ids are copied. */
  constructor(
    role: SessionRole,
    deriveKey: (label: string) => Uint8Array,
    connectionId: Uint8Array,
    resumeId: Uint8Array,
  ) {
    const dialerKey = new AeadKey(deriveKey('int/resume-key-i'));
    const ownerKey = new AeadKey(deriveKey('int/resume-key-r'));
    this.#sealKey = role === 'dialer' ? dialerKey : ownerKey;
    this.#openKey = role === 'dialer' ? ownerKey : dialerKey;
    this.#ad = concatBytes([connectionId, resumeId]);
  }

  /**
   * Seals this side's RESUME for a path: 1 for the first resumed one, growing. A number is its nonce, so each is sealed
   * at most once: ERR_NOISE_STATE otherwise.
   */
  seal(pathNumber: number, state: ResumeState): Uint8Array {
    if (!Number.isSafeInteger(pathNumber) || pathNumber <= this.#lastSealed) {
      throw new SealaneError('ERR_NOISE_STATE', 'the number of a path is used once and grows');
    }
    const writer = new ByteWriter(RESUME_BYTES - ProtocolSize.RECORD_TAG);
    writer.u16(state.status);
    writer.u64(state.nextExpected);
    writer.u64(state.nextSealed);
    const sealed = new Uint8Array(RESUME_BYTES);
    this.#sealKey.seal(createNonce(pathNumber), this.#ad, [writer.bytes], sealed, 0);
    this.#lastSealed = pathNumber;
    return sealed;
  }

  /** Opens the other side's RESUME. ERR_E2EE_INTEGRITY changes nothing. That numbers grow is for the caller to check. */
  open(pathNumber: number, sealed: Uint8Array): ResumeState {
    const isNumber = Number.isSafeInteger(pathNumber) && pathNumber >= 1;
    const plaintext =
      isNumber && sealed.length === RESUME_BYTES
        ? this.#openKey.open(createNonce(pathNumber), this.#ad, sealed)
        : undefined;
    if (plaintext === undefined) throw new SealaneError('ERR_E2EE_INTEGRITY');
    const reader = new ByteReader(plaintext, 'ERR_E2EE_PROTOCOL');
    return { status: reader.u16(), nextExpected: reader.u64(), nextSealed: reader.u64() };
  }

  wipe(): void {
    this.#sealKey.wipe();
    this.#openKey.wipe();
  }
}

/** Four zero bytes and the path's number in little-endian, as for records. */
function createNonce(pathNumber: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(pathNumber), true);
  return nonce;
}
