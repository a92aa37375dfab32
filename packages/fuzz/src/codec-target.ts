import type { Shape, Target } from './target.js';
import { accepted, assertSameBytes } from './violation.js';

export interface CodecOptions<T> {
  readonly name: string;
  readonly shape: Shape;
  readonly maxBytes: number;
  readonly maxMemoryBytes?: number;
  readonly dictionary?: readonly Uint8Array[];
  readonly seeds: () => readonly Uint8Array[];
  /** Beginnings of the codes with which it may refuse. */
  readonly codes: readonly string[];
  readonly prepare?: () => Promise<void>;
  readonly decode: (bytes: Uint8Array) => T;
  /** What has only one encoding is encoded again and compared. */
  readonly encode: (value: T) => Uint8Array;
  /** Further rules for a value that was accepted. */
  readonly check?: (value: T, input: Uint8Array) => void;
}

/** A decoder of a canonical format: it refuses with its own codes, or what it read is encoded to the same bytes. */
export function codecTarget<T>(options: CodecOptions<T>): Target {
  const { codes, decode, encode, check, ...rest } = options;
  return {
    ...rest,
    run(input) {
      const value = accepted(codes, () => decode(input));
      if (value === undefined) return;
      assertSameBytes(encode(value), input, 'what is accepted has one encoding');
      check?.(value, input);
    },
  };
}
