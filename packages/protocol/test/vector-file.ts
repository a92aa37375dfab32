import { readFileSync } from 'node:fs';
import * as protocol from '../src/index.js';

/** One codec of the package by the name that the vector files use for it. */
export interface NamedCodec {
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly encode: (value: never) => Uint8Array;
}

const outer: protocol.FrameLimits = { maxDataBytes: 66_560, maxOpenBytes: 8_192, maxMessageBytes: 8_192 };

function decodeFrame(bytes: Uint8Array): unknown {
  const frames: protocol.Frame[] = [];
  protocol.forEachFrame(bytes, outer, (frame) => frames.push({ ...frame }));
  return frames[0];
}

function decodeHandshake(bytes: Uint8Array): unknown {
  return new protocol.HandshakeReader().push(bytes)?.message;
}

const encodeFrame = (frame: protocol.Frame): Uint8Array =>
  protocol.encodeFrame(frame.type, frame.flags, frame.streamId, frame.body);

export const codecs: Readonly<Record<string, NamedCodec>> = {
  frame: { decode: decodeFrame, encode: encodeFrame },
  credit: { decode: protocol.parseCredit, encode: protocol.encodeCredit },
  goaway: { decode: protocol.parseGoAway, encode: protocol.encodeGoAway },
  'stream-open': { decode: protocol.parseStreamOpen, encode: protocol.encodeStreamOpen },
  handshake: { decode: decodeHandshake, encode: protocol.encodeHandshakeMessage },
  message: { decode: (bytes) => protocol.decodeMessage(bytes), encode: protocol.encodeMessage },
  lease: { decode: protocol.decodeLease, encode: protocol.encodeLease },
  open: { decode: protocol.decodeOpen, encode: protocol.encodeOpen },
  forward: { decode: protocol.decodeForward, encode: protocol.encodeForward },
};

export interface Vector {
  readonly name: string;
  readonly codec: string;
  readonly value: unknown;
  readonly hex: string;
}

export interface Refusal {
  readonly name: string;
  readonly codec: string;
  readonly hex: string;
  readonly code: string;
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** `{ hex }` of a vector file as bytes. */
export function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === 'hex') return fromHex(String(entries[0][1]));
  return Object.fromEntries(entries.map(([key, inner]) => [key, revive(inner)]));
}

export function readVectorFile(name: string): string {
  return readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8');
}

export const vectors: readonly Vector[] = ['frames.json', 'messages.json', 'open-requests.json'].flatMap(
  (name) => (JSON.parse(readVectorFile(name)) as { vectors: Vector[] }).vectors,
);

export const refusals: readonly Refusal[] = (JSON.parse(readVectorFile('refusals.json')) as { vectors: Refusal[] })
  .vectors;

/** What a codec threw, or undefined. */
export function thrownBy(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}
