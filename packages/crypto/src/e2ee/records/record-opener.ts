import { ProtocolSize, RECORD_PADDED, RecordType, SealaneError } from '@sealane/types';
import { isZero } from '../bytes.js';
import type { CipherState } from '../noise/cipher-state.js';
import type { SessionRole } from '../session-role.js';
import { RecordKey } from './record-key.js';

export interface OpenedRecord {
  /** A RecordType; 64 to 127 is a type of a later version, to be ignored. */
  readonly type: number;
  /** Without padding; a view of memory that belongs to the caller. */
  readonly body: Uint8Array;
  readonly number: number;
}

const empty = new Uint8Array(0);
const firstIgnoredType = 64;

/**
 * Opens one direction's records in order (v1.md, "Records"). A record that was changed, cut, repeated, dropped before
 * it or moved does not open: ERR_E2EE_INTEGRITY, and the record expected stays the same. One that opens but breaks the
 * rules is the peer's own doing: ERR_E2EE_PROTOCOL, fatal for the session.
 */
export class RecordOpener {
  readonly #key: RecordKey;
  readonly #role: SessionRole;
  readonly #maxPlaintext: number;

  /** `role` is this side's, `maxPlaintext` what it named in its handshake message. */
  constructor(cipher: CipherState, role: SessionRole, maxPlaintext: number) {
    this.#key = new RecordKey(cipher);
    this.#role = role;
    this.#maxPlaintext = maxPlaintext;
  }

  /** The number of the next record expected: the ack to send. */
  get nextNumber(): number {
    return this.#key.cipher.n;
  }

  /** Opens the ciphertext of one whole record, without its length. A REKEY takes effect here. */
  open(ciphertext: Uint8Array): OpenedRecord {
    const { length } = ciphertext;
    if (length <= ProtocolSize.RECORD_TAG || length > this.#maxPlaintext + ProtocolSize.RECORD_TAG) {
      throw new SealaneError('ERR_E2EE_INTEGRITY');
    }
    this.#key.assertWithin(length);
    const number = this.nextNumber;
    const plaintext = this.#key.cipher.decryptWithAd(empty, ciphertext);
    if (plaintext === undefined) throw new SealaneError('ERR_E2EE_INTEGRITY');
    this.#key.count(length);
    const typeByte = plaintext[0]!;
    const type = typeByte & ~RECORD_PADDED;
    const body = (typeByte & RECORD_PADDED) === 0 ? plaintext.subarray(1) : removePadding(plaintext.subarray(1));
    this.#assertRules(type, body, number);
    if (type === RecordType.REKEY) this.#key.rekey();
    return { type, body, number };
  }

  #assertRules(type: number, body: Uint8Array, number: number): void {
    const isConfirmDue = this.#role === 'owner' && number === 0;
    if ((type === RecordType.CONFIRM) !== isConfirmDue) fail('CONFIRM is the first record of the dialer and no other');
    switch (type) {
      case RecordType.FRAMES:
      case RecordType.CONFIRM:
        if (body.length < 8) fail('a FRAMES record without its ack');
        return;
      case RecordType.REKEY:
      case RecordType.CLOSE:
        if (body.length !== 0) fail('a record of the wrong size');
        return;
      case RecordType.ABORT:
        if (body.length !== 2) fail('a record of the wrong size');
        return;
      case RecordType.PAD:
        return;
      default:
        if (type < firstIgnoredType) fail('a record of an unknown type');
    }
  }
}

function removePadding(body: Uint8Array): Uint8Array {
  const { length } = body;
  const count = length < 2 ? length : (body[length - 2]! << 8) | body[length - 1]!;
  if (count > length - 2) fail('padding longer than its record');
  const end = length - 2 - count;
  if (!isZero(body.subarray(end, length - 2))) fail('padding that is not zero');
  return body.subarray(0, end);
}

function fail(message: string): never {
  throw new SealaneError('ERR_E2EE_PROTOCOL', message);
}
