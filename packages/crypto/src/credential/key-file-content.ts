import { SealaneError } from '@sealane/types';
import { utf8 } from '../primitives/bytes.js';
import { decodeBase32, encodeBase32 } from './base32.js';
import { MAX_EPOCH } from './certificate.js';

/** Larger files are refused before they are parsed. */
export const MAX_KEY_FILE_BYTES = 4_096;

const TYPE = 'sealane-key';
const VERSION = 1;
const SECRET_BYTES = 32;

/** The secrets of an identity as the key file holds them. */
export interface KeyFileContent {
  readonly seed: Uint8Array;
  readonly epoch: number;
  readonly x25519: Uint8Array;
  readonly previous?: PreviousEpoch;
}

export interface PreviousEpoch {
  readonly epoch: number;
  readonly x25519: Uint8Array;
  /** Unix time in milliseconds from which on the secret must no longer exist. */
  readonly eraseAtMs: number;
}

/** The key file, version 1: JSON with exactly these fields, secrets in base32 (README, "Key file"). */
export function encodeKeyFile(content: KeyFileContent): Uint8Array {
  const { previous } = content;
  const fields = {
    type: TYPE,
    version: VERSION,
    seed: encodeBase32(content.seed),
    epoch: content.epoch,
    x25519: encodeBase32(content.x25519),
    previous: previous
      ? { epoch: previous.epoch, x25519: encodeBase32(previous.x25519), eraseAtMs: previous.eraseAtMs }
      : null,
  };
  return utf8(`${JSON.stringify(fields, undefined, 2)}\n`);
}

/** ERR_KEY_FILE_INVALID for anything but what {@link encodeKeyFile} writes. Messages hold nothing of the content. */
export function decodeKeyFile(bytes: Uint8Array): KeyFileContent {
  const parsed = parseJson(bytes);
  assertVersion(parsed);
  const file = asFields(parsed, ['type', 'version', 'seed', 'epoch', 'x25519', 'previous']);
  const content = {
    seed: asSecret(file['seed']),
    epoch: asInteger(file['epoch'], 1, MAX_EPOCH),
    x25519: asSecret(file['x25519']),
  };
  if (file['previous'] === null) return content;
  const previous = asFields(file['previous'], ['epoch', 'x25519', 'eraseAtMs']);
  return {
    ...content,
    previous: {
      epoch: asInteger(previous['epoch'], 1, content.epoch - 1),
      x25519: asSecret(previous['x25519']),
      eraseAtMs: asInteger(previous['eraseAtMs'], 0, Number.MAX_SAFE_INTEGER),
    },
  };
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_KEY_FILE_BYTES) throw invalid('it is too large');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's message quotes the text, which may be a secret: it is not passed on as the cause.
    throw invalid('it is not JSON');
  }
}

/** Before the fields, which another version has others of. */
function assertVersion(file: unknown): void {
  if (typeof file !== 'object' || file === null || Array.isArray(file)) throw invalid('an object is missing');
  const { type, version } = file as { readonly type?: unknown; readonly version?: unknown };
  if (type !== TYPE) throw invalid('it is no Sealane key file');
  if (version === VERSION) return;
  const named = typeof version === 'number' ? version : 'unknown';
  throw invalid(`it is of version ${named}, and this program knows version ${VERSION}`);
}

function asFields(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('an object is missing');
  const found = Object.keys(value);
  if (found.length !== names.length || !names.every((name) => Object.hasOwn(value, name))) {
    throw invalid('it does not have exactly the fields of its version');
  }
  return value as Readonly<Record<string, unknown>>;
}

function asSecret(value: unknown): Uint8Array {
  const bytes = typeof value === 'string' && value.length < 64 ? decodeBase32(value) : undefined;
  if (bytes?.length !== SECRET_BYTES) throw invalid('a key has the wrong length or characters');
  return bytes;
}

function asInteger(value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw invalid('a number is out of range');
  }
  return value;
}

function invalid(message: string): SealaneError {
  return new SealaneError('ERR_KEY_FILE_INVALID', `the key file cannot be read as one: ${message}`);
}
