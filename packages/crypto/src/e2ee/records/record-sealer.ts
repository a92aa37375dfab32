import { ProtocolSize, RECORD_PADDED, RecordType, SealaneError, SessionLimit } from '@sealane/types';
import { concatBytes } from '../../primitives/bytes.js';
import type { CipherState } from '../noise/cipher-state.js';
import type { SessionRole } from '../session-role.js';
import { RecordKey } from './record-key.js';

export interface SealOptions {
  /** Zeros added inside the record, hidden in its length; 0 to 65,535, default none. */
  readonly padding?: number;
}

const empty = new Uint8Array(0);
/** The type byte is the first part of every plaintext; kept, so that sealing allocates only the record. */
const typeBytes: readonly Uint8Array[] = Array.from({ length: 256 }, (_, type) => Uint8Array.of(type));

/** Seals one direction's records: `u24 length | ciphertext`, numbered from 0 (v1.md, "Records"). */
export class RecordSealer {
  readonly #key: RecordKey;
  readonly #role: SessionRole;
  readonly #maxPlaintext: number;
  #keySinceMs: number | undefined;

  /** `maxPlaintext` is the peer's, from its handshake message. */
  constructor(cipher: CipherState, role: SessionRole, maxPlaintext: number) {
    this.#key = new RecordKey(cipher);
    this.#role = role;
    this.#maxPlaintext = maxPlaintext;
  }

  /** The number that the next record gets. */
  get nextNumber(): number {
    return this.#key.cipher.n;
  }

  /** {@link sealParts} in one array. */
  seal(type: RecordType, parts: readonly Uint8Array[], options?: SealOptions): Uint8Array {
    return concatBytes(this.sealParts(type, parts, options));
  }

  /**
   * Seals one record into new memory, in pieces, so that nothing large is copied. `parts` one after another are the body;
   * they are read before this returns. After a REKEY the next record uses the new key.
   * Throws ERR_ARGUMENT for a body that the peer would not take, ERR_E2EE_PROTOCOL at the limit of a key and when the
   * dialer's record 0 is not CONFIRM.
   */
  sealParts(type: RecordType, parts: readonly Uint8Array[], { padding }: SealOptions = {}): Uint8Array[] {
    const isConfirm = type === RecordType.CONFIRM;
    if (isConfirm !== (this.#role === 'dialer' && this.nextNumber === 0)) {
      throw new SealaneError('ERR_E2EE_PROTOCOL', 'CONFIRM is the first record of the dialer and no other');
    }
    const plaintext = [typeBytes[padding === undefined ? type : type | RECORD_PADDED]!, ...parts];
    if (padding !== undefined) plaintext.push(createPadding(padding));
    let plaintextLength = 0;
    for (const part of plaintext) plaintextLength += part.length;
    if (plaintextLength > this.#maxPlaintext) {
      throw new SealaneError('ERR_ARGUMENT', 'the record is longer than the peer takes');
    }
    const length = plaintextLength + ProtocolSize.RECORD_TAG;
    this.#key.assertWithin(length);
    const record = this.#key.cipher.encryptParts(empty, plaintext, plaintextLength, ProtocolSize.RECORD_LENGTH);
    const first = record[0]!;
    first[0] = length >>> 16;
    first[1] = length >>> 8;
    first[2] = length;
    this.#key.count(length);
    if (type === RecordType.REKEY) {
      this.#key.rekey();
      this.#keySinceMs = undefined;
    }
    return record;
  }

  /** Whether a REKEY should be sealed before the next record. `nowMs` is monotonic; the age counts from the first call. */
  rekeyDue(nowMs: number): boolean {
    this.#keySinceMs ??= nowMs;
    return (
      this.#key.bytes >= SessionLimit.rekeyBytes ||
      this.#key.records >= SessionLimit.rekeyRecords ||
      nowMs - this.#keySinceMs >= SessionLimit.rekeyIntervalMs
    );
  }
}

/** `zeros | u16 count of zeros` */
function createPadding(count: number): Uint8Array {
  if (!Number.isInteger(count) || count < 0 || count > 0xffff) throw new SealaneError('ERR_ARGUMENT');
  const padding = new Uint8Array(count + 2);
  new DataView(padding.buffer).setUint16(count, count);
  return padding;
}
