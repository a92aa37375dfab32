import { type ByteReader, type ByteWriter, isZero } from '../bytes.js';

const PADDING = 0;
/** A reader that does not know a type with this bit must refuse the message. */
const CRITICAL = 0x8000;

/** What follows a payload's fixed fields: `u16 type | u16 length | bytes`, then zeros (v1.md, "Handshake"). */
export interface Tlv {
  readonly type: number;
  readonly value: Uint8Array;
}

export function writeTlvs(writer: ByteWriter, tlvs: readonly Tlv[]): void {
  for (const { type, value } of tlvs) {
    writer.u16(type);
    writer.u16(value.length);
    writer.put(value);
  }
}

/** All up to the padding, which must be zero. An unknown critical type is refused, any other unknown one left out. */
export function readTlvs(reader: ByteReader, known: readonly number[]): Tlv[] {
  const tlvs: Tlv[] = [];
  while (reader.remaining >= 2) {
    const type = reader.u16();
    if (type === PADDING) break;
    const value = reader.bytes(reader.u16());
    if (known.includes(type)) {
      if (tlvs.some((tlv) => tlv.type === type)) reader.fail('a field stands there twice');
      tlvs.push({ type, value });
    } else if ((type & CRITICAL) !== 0) {
      reader.fail('it needs a feature that is not known here');
    }
  }
  if (!isZero(reader.bytes(reader.remaining))) reader.fail('its padding is not zero');
  return tlvs;
}
