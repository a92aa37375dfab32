import { isName, RelayCode, relayError, SealaneError } from '@sealane/types';

/** Names that a relay does not give to everybody. */
export interface ReservedName {
  /** A name, or its beginning and `*`: `admin`, `status-*`. */
  readonly name: string;
  /** The id that may have it; without one nobody may. */
  readonly id?: string;
}

/** The form of an id; read before the cryptography is loaded that knows more of it. */
const idPattern = /^[a-z2-7]{56}$/i;

/** `NAME` or `NAME=ID`, as an operator writes it. */
export function parseReservedName(text: string): ReservedName {
  const at = text.indexOf('=');
  return at < 0 ? { name: text } : { name: text.slice(0, at), id: text.slice(at + 1) };
}

/** True for a name or the beginning of one, for nobody or for an id. */
export function isReservable({ name, id }: ReservedName): boolean {
  const text = name.toLowerCase();
  if (id !== undefined && !idPattern.test(id)) return false;
  if (!text.endsWith('*')) return isName(text);
  const beginning = text.slice(0, -1);
  // Whatever it ends with, something must be able to follow.
  return beginning === '' || isName(`${beginning}0`);
}

const MAX_RESERVED = 10_000;

/** Which names may be had by whom, beside the lengths in the limits. */
export class ReservedNames {
  #exact = new Map<string, string | undefined>();
  /** Beginnings by their length, so that a look-up costs one step for each length that occurs. */
  #beginnings = new Map<number, Map<string, string | undefined>>();

  constructor(names: readonly ReservedName[] = []) {
    this.set(names);
  }

  /** Other names from now on. @throws ERR_ARGUMENT for what is neither a name nor the beginning of one */
  set(names: readonly ReservedName[]): void {
    if (names.length > MAX_RESERVED) {
      throw new SealaneError('ERR_ARGUMENT', `at most ${MAX_RESERVED} names can be reserved`);
    }
    const exact = new Map<string, string | undefined>();
    const beginnings = new Map<number, Map<string, string | undefined>>();
    for (const reserved of names) {
      if (!isReservable(reserved)) throw notReservable(reserved.name);
      const text = reserved.name.toLowerCase();
      const id = reserved.id?.toLowerCase();
      if (!text.endsWith('*')) {
        exact.set(text, id);
        continue;
      }
      const beginning = text.slice(0, -1);
      const ofLength = beginnings.get(beginning.length) ?? new Map<string, string | undefined>();
      beginnings.set(beginning.length, ofLength.set(beginning, id));
    }
    this.#exact = exact;
    this.#beginnings = beginnings;
  }

  /** Why this identity may not have the name: NAME_TAKEN. */
  refuse(name: string, id: string): SealaneError | undefined {
    const holder = this.#holderOf(name);
    if (holder === undefined || holder.id === id) return undefined;
    return relayError(RelayCode.NAME_TAKEN, 'the name is reserved');
  }

  /** What is reserved exactly goes before what begins alike, longer beginnings before shorter ones. */
  #holderOf(name: string): { readonly id: string | undefined } | undefined {
    if (this.#exact.has(name)) return { id: this.#exact.get(name) };
    let found: { readonly id: string | undefined; readonly length: number } | undefined;
    for (const [length, names] of this.#beginnings) {
      const beginning = name.slice(0, length);
      if (beginning.length < length || !names.has(beginning)) continue;
      if (found === undefined || length > found.length) found = { id: names.get(beginning), length };
    }
    return found;
  }
}

function notReservable(name: string): SealaneError {
  return new SealaneError(
    'ERR_ARGUMENT',
    `"${name}" cannot be reserved; write a name, or its beginning and *, for nobody or an id`,
  );
}
