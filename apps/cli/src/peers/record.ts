/** Lines of the known-peers file. The order of the lines is the only truth: see `foldRecords`. */
export type PeerRecord =
  /** The first answer that a relay gave for a name. The first line of a (relay, name) counts. */
  | {
      readonly kind: 'pin';
      readonly relay: string;
      readonly name: string;
      readonly id: string;
      readonly service: string;
      readonly at: number;
    }
  /** An answer that the user took on purpose: it replaces what was there. */
  | {
      readonly kind: 'accept';
      readonly relay: string;
      readonly name: string;
      readonly id: string;
      readonly service: string;
      readonly at: number;
    }
  /** An answer that differed and was refused: what `peers accept NAME` takes when no id is given. */
  | {
      readonly kind: 'seen';
      readonly relay: string;
      readonly name: string;
      readonly id: string;
      readonly service: string;
      readonly at: number;
    }
  | { readonly kind: 'forget'; readonly relay: string; readonly name: string; readonly at: number }
  /** The keys of an identity with the highest epoch counts. */
  | {
      readonly kind: 'keycert';
      readonly id: string;
      readonly epoch: number;
      readonly keycert: string;
      readonly at: number;
    }
  | { readonly kind: 'forget-id'; readonly id: string; readonly at: number };

export interface Pin {
  readonly relay: string;
  readonly name: string;
  readonly id: string;
  readonly service: string;
  readonly at: number;
}

export interface KnownKeycert {
  readonly id: string;
  readonly epoch: number;
  readonly bytes: Uint8Array;
}

export interface KnownState {
  readonly pins: ReadonlyMap<string, Pin>;
  readonly refused: ReadonlyMap<string, Pin>;
  readonly keycerts: ReadonlyMap<string, KnownKeycert>;
}

export const pinKey = (relay: string, name: string): string => `${relay} ${name}`;

const idPattern = /^[a-z2-7]{56}$/;
const namePattern = /^[a-z0-9](-?[a-z0-9])*$/;
const servicePattern = /^[a-z0-9-]{0,63}$/;
const keycertBytes = 132;

/** One line as a record, or undefined for a damaged one or a kind of a later version. */
export function parseRecord(line: string): PeerRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, relay, name, id, service, epoch, keycert, at } = value as Record<string, unknown>;
  if (typeof at !== 'number' || !Number.isFinite(at)) return undefined;
  const named = matches(relay, idPattern) && matches(name, namePattern) && name.length <= 40;
  switch (kind) {
    case 'pin':
    case 'accept':
    case 'seen':
      if (!named || !matches(id, idPattern) || !matches(service, servicePattern)) return undefined;
      return { kind, relay, name, id, service, at };
    case 'forget':
      return named ? { kind, relay, name, at } : undefined;
    case 'forget-id':
      return matches(id, idPattern) ? { kind, id, at } : undefined;
    case 'keycert':
      if (!matches(id, idPattern) || typeof epoch !== 'number' || !Number.isInteger(epoch) || epoch < 0)
        return undefined;
      if (typeof keycert !== 'string' || Buffer.from(keycert, 'base64').length !== keycertBytes) return undefined;
      return { kind, id, epoch, keycert, at };
    default:
      return undefined;
  }
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

/** What the lines mean together: first answer wins, an accepted one replaces, a higher epoch replaces. */
export function foldRecords(records: readonly PeerRecord[]): KnownState {
  const pins = new Map<string, Pin>();
  const refused = new Map<string, Pin>();
  const keycerts = new Map<string, KnownKeycert>();
  for (const record of records) {
    switch (record.kind) {
      case 'pin': {
        const key = pinKey(record.relay, record.name);
        if (!pins.has(key)) pins.set(key, toPin(record));
        break;
      }
      case 'accept': {
        const key = pinKey(record.relay, record.name);
        pins.set(key, toPin(record));
        refused.delete(key);
        break;
      }
      case 'seen':
        refused.set(pinKey(record.relay, record.name), toPin(record));
        break;
      case 'forget': {
        const key = pinKey(record.relay, record.name);
        pins.delete(key);
        refused.delete(key);
        break;
      }
      case 'keycert':
        if ((keycerts.get(record.id)?.epoch ?? -1) < record.epoch) {
          const bytes = new Uint8Array(Buffer.from(record.keycert, 'base64'));
          keycerts.set(record.id, { id: record.id, epoch: record.epoch, bytes });
        }
        break;
      case 'forget-id':
        keycerts.delete(record.id);
        break;
    }
  }
  return { pins, refused, keycerts };
}

function toPin({ relay, name, id, service, at }: Pin): Pin {
  return { relay, name, id, service, at };
}

/** The fewest lines with the same meaning. */
export function compactRecords(state: KnownState): PeerRecord[] {
  return [
    ...[...state.pins.values()].map((pin) => ({ kind: 'pin' as const, ...pin })),
    ...[...state.refused.values()].map((pin) => ({ kind: 'seen' as const, ...pin })),
    ...[...state.keycerts.values()].map(({ id, epoch, bytes }) => ({
      kind: 'keycert' as const,
      id,
      epoch,
      keycert: Buffer.from(bytes).toString('base64'),
      at: 0,
    })),
  ];
}
