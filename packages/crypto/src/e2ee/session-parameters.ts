import { isIntegerWithin, MuxLimit, ProtocolSize, SealaneError } from '@sealane/types';
import type { ByteReader, ByteWriter } from './bytes.js';

/** What each side of a session says about itself in its handshake message (v1.md, "Handshake"). */
export interface SessionParameters {
  /** Largest plaintext of a record that this side takes, bytes. */
  readonly maxRecordPlaintext: number;
  /** First credit of every inner stream towards this side, bytes. */
  readonly initialWindow: number;
  /** Streams that the other side may have open towards this side. */
  readonly maxStreams: number;
  /** Bits of SessionFeature that this side offers; in use is what both offer. */
  readonly features: number;
}

export function writeParameters(writer: ByteWriter, parameters: SessionParameters): void {
  writer.u32(parameters.maxRecordPlaintext);
  writer.u32(parameters.initialWindow);
  writer.u32(parameters.maxStreams);
  writer.u32(parameters.features);
}

export function readParameters(reader: ByteReader): SessionParameters {
  return {
    maxRecordPlaintext: reader.u32(),
    initialWindow: reader.u32(),
    maxStreams: reader.u32(),
    features: reader.u32(),
  };
}

/** Throws with `code` unless every value is within what the protocol allows. */
export function assertParameters(parameters: SessionParameters, code: 'ERR_ARGUMENT' | 'ERR_E2EE_HANDSHAKE'): void {
  const { maxRecordPlaintext, initialWindow, maxStreams, features } = parameters;
  if (
    !isIntegerWithin(maxRecordPlaintext, ProtocolSize.RECORD_PLAINTEXT_MIN, ProtocolSize.RECORD_PLAINTEXT_MAX) ||
    !isIntegerWithin(initialWindow, ProtocolSize.INNER_WINDOW_MIN, MuxLimit.maxCredit) ||
    !isIntegerWithin(maxStreams, 1, 0xffff_ffff) ||
    !isIntegerWithin(features, 0, 0xffff_ffff)
  ) {
    throw new SealaneError(code, 'a session parameter is out of its range');
  }
}
