/** How the inputs of a target are built, and so how they are changed with sense. */
export type Shape =
  /** Fixed layouts with lengths before what they count. */
  | { readonly kind: 'bytes' }
  /** One MessagePack value from this offset on. */
  | { readonly kind: 'msgpack'; readonly offset: number }
  /** Mux frames one after another. */
  | { readonly kind: 'frames' }
  /** UTF-8. */
  | { readonly kind: 'text' };

/** One decoder or state machine. */
export interface Target {
  /** Of its file, and of its corpus. */
  readonly name: string;
  readonly shape: Shape;
  /** Longer inputs are cut. */
  readonly maxBytes: number;
  /** Share of the time against the others; default 1. */
  readonly weight?: number;
  /** Memory that one input may take besides its own length, where the specification names a bound. */
  readonly maxMemoryBytes?: number;
  /** Called once before anything else. */
  prepare?(): Promise<void>;
  /** Inputs to begin with: valid ones, and what is known to be refused. Called after `prepare`. */
  seeds(): readonly Uint8Array[];
  /** What the specification calls by name; short. */
  readonly dictionary?: readonly Uint8Array[];
  /**
   * Throws when a rule is broken; a refusal of the input that is typed as it should be is no failure.
   * Whatever it does follows from the input alone.
   */
  run(input: Uint8Array): void | Promise<void>;
}
