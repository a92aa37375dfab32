import { limitError, messageError } from '../protocol-error.js';
import { clipText, encodeUtf8, isPlainText } from '../text.js';
import type { WireValue } from './strict-msgpack.js';

/** How one typed value stands in a control body. Both directions check the same rule. */
export interface Field<T> {
  /** ERR_PROTOCOL_MESSAGE or ERR_PROTOCOL_LIMIT, so that nobody sends what nobody would read. */
  encode(value: T): WireValue;
  parse(value: WireValue): T;
}

function same<T extends WireValue>(check: (value: WireValue) => T): Field<T> {
  return { encode: check, parse: check };
}

/** An integer from `min` to `max`. */
export function uint(max: number, min = 0): Field<number> {
  return same((value) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) throw messageError('an integer is missing');
    if (value < min || value > max) throw messageError('an integer is out of range');
    return value;
  });
}

/** Exactly `length` bytes. Not copied. */
export function bytes(length: number): Field<Uint8Array> {
  return boundedBytes(length, length);
}

/** `min` to `max` bytes. Not copied. */
export function boundedBytes(max: number, min = 0): Field<Uint8Array> {
  return same((value) => {
    if (!(value instanceof Uint8Array)) throw messageError('bytes are missing');
    if (value.length > max && max !== min) throw limitError('bytes exceed their limit');
    if (value.length < min || value.length > max) throw messageError('bytes have a wrong length');
    return value;
  });
}

/** Text of at most `maxBytes` bytes of UTF-8 without control characters that also passes `test`. */
export function text(maxBytes: number, test?: (value: string) => boolean, minBytes = 0): Field<string> {
  return same((value) => {
    if (typeof value !== 'string') throw messageError('a text is missing');
    if (value.length > maxBytes || encodeUtf8(value).length > maxBytes) throw limitError('a text exceeds its limit');
    if (value.length < minBytes) throw messageError('a text is empty');
    if (!isPlainText(value)) throw messageError('a text has control characters');
    if (test !== undefined && !test(value)) throw messageError('a text has not the form of its field');
    return value;
  });
}

/** Text for people: written in any length and cut to fit, read strictly. */
export function remark(maxBytes: number): Field<string> {
  return { encode: (value) => clipText(value, maxBytes), parse: text(maxBytes).parse };
}

/** nil for null, else `field`. */
export function nullable<T>(field: Field<T>): Field<T | null> {
  return {
    encode: (value) => (value === null ? null : field.encode(value)),
    parse: (value) => (value === null ? null : field.parse(value)),
  };
}

/** An array of `min` to `max` elements, no two equal where `unique` is asked for. */
export function list<T>(field: Field<T>, max: number, min = 0): Field<readonly T[]> {
  const check = (count: number): void => {
    if (count > max) throw limitError('a list exceeds its limit');
    if (count < min) throw messageError('a list is too short');
  };
  return {
    encode(value) {
      check(value.length);
      return value.map((element) => field.encode(element));
    },
    parse(value) {
      if (!Array.isArray(value)) throw messageError('a list is missing');
      check(value.length);
      return value.map((element: WireValue) => field.parse(element));
    },
  };
}

/** Fields in the order of the wire. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

/** An array of exactly the given fields, in the order in which they are written here. */
export function struct<T extends object>(fields: Fields<T>): Field<T> {
  const entries = Object.entries(fields) as [keyof T, Field<unknown>][];
  return {
    encode: (value) => entries.map(([name, field]) => field.encode(value[name])),
    parse(value) {
      if (!Array.isArray(value)) throw messageError('an array is missing');
      if (value.length !== entries.length) throw messageError('an array has a wrong number of fields');
      const result: Partial<Record<keyof T, unknown>> = {};
      entries.forEach(([name, field], index) => {
        result[name] = field.parse(value[index]);
      });
      return result as T;
    },
  };
}
