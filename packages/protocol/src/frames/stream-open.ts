import { ProtocolSize } from '@sealane/types';
import { concatBytes } from '../concat-bytes.js';
import { limitError, messageError } from '../protocol-error.js';
import { decodeUtf8, encodeUtf8, isPlainText } from '../text.js';

/** OPEN body of a stream inside a session (v1.md, "Streams inside a session"). */
export interface StreamOpen {
  /** Target label, at most 63 bytes of UTF-8 without control characters; empty by default. */
  readonly label: string;
  /** At most 1,024 bytes for the application; a view of the input after parsing. */
  readonly metadata: Uint8Array;
}

/** Body `u8 length | label | metadata` in a new array. ERR_PROTOCOL_LIMIT, ERR_PROTOCOL_MESSAGE. */
export function encodeStreamOpen(open: StreamOpen): Uint8Array {
  const label = encodeUtf8(open.label);
  if (label.length > ProtocolSize.STREAM_LABEL) throw limitError('a label has at most 63 bytes');
  if (open.metadata.length > ProtocolSize.STREAM_METADATA) throw limitError('metadata has at most 1,024 bytes');
  if (!isPlainText(open.label)) throw messageError('a label has no control characters');
  return concatBytes([Uint8Array.of(label.length), label, open.metadata]);
}

/** The OPEN of an inner stream. ERR_PROTOCOL_MESSAGE or ERR_PROTOCOL_LIMIT when it is anything else. */
export function parseStreamOpen(body: Uint8Array): StreamOpen {
  const length = body[0];
  if (length === undefined || 1 + length > body.length) throw messageError('the OPEN of a stream is cut short');
  if (length > ProtocolSize.STREAM_LABEL) throw limitError('a label has at most 63 bytes');
  const metadata = body.subarray(1 + length);
  if (metadata.length > ProtocolSize.STREAM_METADATA) throw limitError('metadata has at most 1,024 bytes');
  const label = decodeUtf8(body.subarray(1, 1 + length));
  if (label === undefined || !isPlainText(label)) throw messageError('the label is not text');
  return { label, metadata };
}
